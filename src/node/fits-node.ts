/** Checks whether a model fits into the memory that this process may use, before it is allocated. */
import { UsageError } from '../base/errors.ts';
import type { KeyValueFormat } from '../formats/key-values.ts';
import { expectedBytesBeside, expectedPeakBytes } from '../loader/describe.ts';
import { checkFitsInto, megabytes } from '../loader/fits.ts';
import type { OpenedModel } from '../loader/open.ts';
import { type MemoryFacts, memoryFacts, usableBytes } from './memory-node.ts';

/** Share of the memory that `auto` uses for weights; the rest is for states and other programs. */
const WEIGHT_SHARE = 0.8;

/** Most bytes that `auto` may use for weights. */
export function weightBudget(memoryBytes: number, threads: number): number {
  return Math.max(0, Math.min(WEIGHT_SHARE * memoryBytes, memoryBytes - expectedBytesBeside(threads)));
}

export interface FitOptions {
  readonly threads: number;
  readonly keyValues?: KeyValueFormat | undefined;
  /** Limit in bytes, instead of the system's. */
  readonly memoryBytes?: number | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly facts?: MemoryFacts | undefined;
}

/** Throws UsageError when a model and the memory to run it exceed what this process may use. */
export function checkFits(opened: OpenedModel, options: FitOptions): void {
  const { threads, keyValues, memoryBytes, onWarning, facts = memoryFacts() } = options;
  const needed = expectedPeakBytes(opened, threads);
  const usable = memoryBytes ?? usableBytes(facts);
  checkFitsInto(opened, {
    threads,
    keyValues,
    memoryBytes: usable,
    reason: reason(usable, memoryBytes, facts),
    ask: '--weights ',
    more: 'If more can be had, say how much: --memory 8GB, or the option memoryBytes.',
  });
  if (memoryBytes === undefined && needed > facts.availableBytes)
    onWarning?.(
      `the model needs ${megabytes(needed)} of memory, and ${megabytes(facts.availableBytes)} are free now: ` +
        'end other programs, or this one may be slow or be killed.',
    );
}

/** Throws UsageError when a run of training, which takes so many bytes, exceeds what this process may use. */
export function checkTrainingFits(bytes: number, options: FitOptions): void {
  const { threads, memoryBytes, onWarning, facts = memoryFacts() } = options;
  const needed = bytes + expectedBytesBeside(threads);
  const usable = memoryBytes ?? usableBytes(facts);
  if (needed > usable)
    throw new UsageError(
      `this run needs ${megabytes(needed)} of memory, but ${reason(usable, memoryBytes, facts)}. Smaller are: "recompute": true, a smaller 'batch' with ` +
        `more 'accumulate', shorter sequences, "train": "lora". If more can be had, say how much: --memory 8GB, or the option memoryBytes.`,
    );
  if (memoryBytes === undefined && needed > facts.availableBytes)
    onWarning?.(
      `this run needs ${megabytes(needed)} of memory, and ${megabytes(facts.availableBytes)} are free now: ` +
        'end other programs, or it may be slow or be killed.',
    );
}

function reason(usable: number, given: number | undefined, { limitBytes, totalBytes }: MemoryFacts): string {
  if (given !== undefined) return `may take ${megabytes(given)} (--memory, memoryBytes)`;
  if (limitBytes === undefined) return `this machine has ${megabytes(totalBytes)}`;
  return `this process may take ${megabytes(usable)} of the machine's ${megabytes(totalBytes)} (limit of a container or service, or ulimit)`;
}
