/** Many runs of a model that differ in what is changed inside of it, several in one batch. */
import { kinds, ownKind } from '../options/option.ts';
import type { Subject, SubjectRun } from './subject.ts';

export type OnProgress = (done: number, total: number) => void;

export const SWEEP_OPTIONS = {
  signal: kinds.signal,
  /** Told how many of the runs are done. */
  onProgress: ownKind<OnProgress>('a function', (value) => typeof value === 'function'),
};

/** Tokens of one batch, as many as a step reads; and runs, each of which adds ops of its own. */
const BATCH_TOKENS = 256;
const BATCH_RUNS = 32;

/** What `measure` makes of the logits [V] after the last token of each run, in order. Throws AbortError between batches. */
export async function sweep<T>(
  subject: Pick<Subject, 'lastLogits'>,
  runs: readonly SubjectRun[],
  tokens: number,
  measure: (logits: Float32Array, run: number) => T,
  { signal, onProgress }: { readonly signal?: AbortSignal | undefined; readonly onProgress?: OnProgress | undefined },
): Promise<T[]> {
  const size = Math.max(1, Math.min(BATCH_RUNS, Math.floor(BATCH_TOKENS / tokens)));
  const results: T[] = [];
  onProgress?.(0, runs.length);
  for (let first = 0; first < runs.length; first += size) {
    signal?.throwIfAborted();
    const logits = await subject.lastLogits(runs.slice(first, first + size), { signal });
    for (const some of logits) results.push(measure(some, results.length));
    onProgress?.(results.length, runs.length);
  }
  return results;
}
