/** Log-probabilities in nats from summaries of logits (src/ops/summarize-logits.ts). */
import { unusableLogits } from '../base/errors.ts';
import { log } from '../base/math.ts';
import { SUMMARY_COLUMNS } from '../ops/summarize-logits.ts';

/** What to compute from the logits of each row. */
export interface SummaryRequest {
  /** Number of most likely tokens. */
  readonly top: number;
  /** Ids whose log-probabilities are wanted: `perRow` of them for each wanted row, row by row. */
  readonly targets?: ArrayLike<number> | undefined;
  /** Default 1. */
  readonly perRow?: number | undefined;
}

export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/** Most that `top` may be; above it, reading all logits is faster than selecting on the backend. */
export const MAX_TOP = 64;

export class Summaries {
  readonly #numbers: Float32Array;
  readonly #targets: number;
  readonly #top: number;

  /** `numbers`: [n, 3 + J + 2 top], for J targets per row. */
  constructor(numbers: Float32Array, request: SummaryRequest) {
    this.#numbers = numbers;
    this.#targets = targetsPerRow(request);
    this.#top = request.top;
  }

  get length(): number {
    return this.#numbers.length / columnsOf(this.#targets, this.#top);
  }

  /** Log-probability of the row's target, the one at `index` of several. Throws CheckpointError when logits are NaN or infinite. */
  target(row: number, index = 0): number {
    const numbers = this.#row(row);
    return (numbers[SUMMARY_COLUMNS + index] as number) - totalOf(numbers);
  }

  /** The most likely tokens in descending order; equal ones by ascending id. Throws as `target` does. */
  top(row: number): TokenLogprob[] {
    const numbers = this.#row(row);
    const total = totalOf(numbers);
    const first = SUMMARY_COLUMNS + this.#targets;
    return Array.from({ length: this.#top }, (_, i) => ({
      id: numbers[first + i] as number,
      logprob: (numbers[first + this.#top + i] as number) - total,
    }));
  }

  #row(row: number): Float32Array {
    const columns = columnsOf(this.#targets, this.#top);
    return this.#numbers.subarray(row * columns, (row + 1) * columns);
  }
}

/** Number of targets of each row; 0 without targets. */
export const targetsPerRow = ({ targets, perRow = 1 }: SummaryRequest): number => (targets ? perRow : 0);

const columnsOf = (targets: number, top: number) => SUMMARY_COLUMNS + targets + 2 * top;

/** The log-sum-exp of the logits of a row. */
function totalOf([max, high, low]: Float32Array): number {
  if (Number.isNaN(max)) throw unusableLogits('NaN or infinite');
  return (max as number) + log((high as number) + (low as number));
}
