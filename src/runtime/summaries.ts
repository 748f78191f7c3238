/** Log-probabilities in nats from summaries of logits (src/ops/summarize-logits.ts). */
import { unusableLogits } from '../base/errors.ts';
import { log } from '../base/math.ts';
import { SUMMARY_COLUMNS } from '../ops/summarize-logits.ts';

/** What to compute from the logits of each row. */
export interface SummaryRequest {
  /** Number of most likely tokens. */
  readonly top: number;
  /** One id for each wanted row. */
  readonly targets?: ArrayLike<number> | undefined;
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

  /** `numbers`: [n, 3 + J + 2 top], J = 1 with targets and 0 without. */
  constructor(numbers: Float32Array, { top, targets }: SummaryRequest) {
    this.#numbers = numbers;
    this.#targets = targets ? 1 : 0;
    this.#top = top;
  }

  get length(): number {
    return this.#numbers.length / columnsOf(this.#targets, this.#top);
  }

  /** Log-probability of the row's target. Throws CheckpointError when logits are NaN or infinite. */
  target(row: number): number {
    const numbers = this.#row(row);
    return (numbers[SUMMARY_COLUMNS] as number) - totalOf(numbers);
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

const columnsOf = (targets: number, top: number) => SUMMARY_COLUMNS + targets + 2 * top;

/** The log-sum-exp of the logits of a row. */
function totalOf([max, high, low]: Float32Array): number {
  if (Number.isNaN(max)) throw unusableLogits('NaN or infinite');
  return (max as number) + log((high as number) + (low as number));
}
