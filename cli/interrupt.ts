/** Ctrl-C: the first asks everything to stop cleanly, the second ends the process. */
import { setImmediate } from 'node:timers/promises';

export const interrupt = new AbortController();

/** Exit code after Ctrl-C: 128 and the number of the signal. */
export const INTERRUPTED = 130;

process.on('SIGINT', () => {
  if (interrupt.signal.aborted) process.exit(INTERRUPTED);
  interrupt.abort();
});

/** Lets a signal in: computing on one thread never waits for anything, and signals are seen only while waiting. */
export async function breathe(): Promise<void> {
  await setImmediate();
  interrupt.signal.throwIfAborted();
}
