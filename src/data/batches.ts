/**
 * Batches by number. The position of a training run in its data is the number of the next batch: nothing else has to be kept to go on there.
 * Places count on from one epoch to the next, and each epoch has an order of its own.
 */
import { permutation } from './permutation.ts';
import type { RowSource, TrainingRow } from './row.ts';

export interface Batch {
  readonly number: number;
  /** The epoch of its first row, from 0 on. */
  readonly epoch: number;
  readonly rows: readonly TrainingRow[];
}

export interface BatchesOptions {
  /** Rows of a batch. */
  readonly size: number;
  readonly signal?: AbortSignal | undefined;
}

export class TrainingRows {
  /** Rows of an epoch. */
  readonly count: number;
  /**
   * Names the rows and their order: when it is equal, a position means the same rows. A checkpoint keeps it beside the position.
   */
  readonly identity: string;
  readonly #source: RowSource;
  readonly #seed: number | undefined;
  #order: { readonly epoch: number; readonly at: (place: number) => number } | undefined;

  /** `seed`: shuffles; undefined: rows stay in the order of the source, in every epoch. */
  constructor(
    source: RowSource,
    { seed, identity }: { readonly seed?: number | undefined; readonly identity: string },
  ) {
    this.count = source.count;
    this.identity = identity;
    this.#source = source;
    this.#seed = seed;
  }

  /** Row number `place` of a run, counted over all epochs. */
  row(place: number): Promise<TrainingRow> {
    const epoch = Math.floor(place / this.count);
    return this.#source.read(this.#orderOf(epoch)(place - epoch * this.count));
  }

  #orderOf(epoch: number): (place: number) => number {
    if (this.#seed === undefined) return (place) => place;
    if (this.#order?.epoch !== epoch) this.#order = { epoch, at: permutation(this.count, this.#seed, epoch) };
    return this.#order.at;
  }

  /** Batch `number`: rows number x size to (number + 1) x size - 1, beginning again at the end of an epoch. */
  async batch(number: number, size: number): Promise<Batch> {
    const first = number * size;
    const rows = await Promise.all(Array.from({ length: size }, (_, i) => this.row(first + i)));
    return { number, epoch: Math.floor(first / this.count), rows };
  }

  /** Endless: batch `from` and all after it. The next one is read while one is used. */
  async *batches(from: number, { size, signal }: BatchesOptions): AsyncGenerator<Batch, never> {
    let next = this.batch(from, size);
    for (let number = from; ; number++) {
      const batch = await next;
      signal?.throwIfAborted();
      next = this.batch(number + 1, size);
      next.catch(() => undefined); // thrown when it is wanted
      yield batch;
    }
  }

  /** Each row once, in the order of the source; the last batch may be smaller. For validation. */
  async *inOrder({ size, signal }: BatchesOptions): AsyncGenerator<Batch> {
    for (let first = 0; first < this.count; first += size) {
      signal?.throwIfAborted();
      const length = Math.min(size, this.count - first);
      const rows = await Promise.all(Array.from({ length }, (_, i) => this.#source.read(first + i)));
      yield { number: first / size, epoch: 0, rows };
    }
  }
}
