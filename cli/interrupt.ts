/** Ctrl-C and SIGTERM: the first asks everything to stop cleanly, the second ends the process. */
import { setImmediate } from 'node:timers/promises';

export const interrupt = new AbortController();

/** Exit codes after a signal: 128 and its number. */
export const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

for (const [name, code] of Object.entries(EXIT_CODES)) {
  process.on(name, () => {
    if (interrupt.signal.aborted) process.exit(code);
    process.exitCode = code;
    interrupt.abort();
  });
}

/** Lets a signal in: computing on one thread never waits for anything, and signals are seen only while waiting. */
export async function breathe(): Promise<void> {
  await setImmediate();
  interrupt.signal.throwIfAborted();
}
