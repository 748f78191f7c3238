/** Ctrl-C and SIGTERM: the first signal stops everything cleanly, the second ends the process. */
import { setImmediate } from 'node:timers/promises';

export const interrupt = new AbortController();

/** Exit codes after a signal: 128 + its number. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

let catches: (() => boolean) | undefined;

/** Calls `handler` on Ctrl-C first; when it returns true, nothing else happens. For commands in which Ctrl-C ends a part of the work. */
export function catchInterrupts(handler: (() => boolean) | undefined): void {
  catches = handler;
}

for (const [name, code] of Object.entries(EXIT_CODES)) {
  process.on(name, () => {
    if (name === 'SIGINT' && !interrupt.signal.aborted && catches?.()) return;
    if (interrupt.signal.aborted) process.exit(code);
    process.exitCode = code;
    interrupt.abort();
  });
}

/** Yields to the event loop, so that a signal is handled: computation on one thread never does. */
export async function breathe(): Promise<void> {
  await setImmediate();
  interrupt.signal.throwIfAborted();
}
