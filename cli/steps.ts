/** Long work of many equal steps: a bar, and Ctrl-C between them. */
import { interrupt } from './interrupt.ts';
import { progressBar } from './progress.ts';

/** What an analysis is told of the command line. */
export interface Told {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/** Runs `work` with a bar that shows how much of it is done. */
export async function withSteps<T>(work: (told: Told) => Promise<T>): Promise<T> {
  const bar = progressBar('analysing', (total) => total.toLocaleString('en'));
  try {
    return await work({ signal: interrupt.signal, onProgress: (done, total) => bar.update(done, total) });
  } finally {
    bar.end();
  }
}
