/**
 * The tokens of a training step, as a model gets them: sequences packed one after another, each read from its beginning. There is no state
 * between steps: what a model "remembers" are values of this pass, so that gradients flow through them.
 */
import { PAGE_ROWS, pagesFor, poolRow } from '../base/pages.ts';
import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { Batch, PackedTokens } from '../models/batch.ts';
import type { StateTensor } from '../models/model.ts';
import type { KeyValueState } from '../models/part.ts';
import type { KeysValues, Ops, Recurrent } from '../ops/index.ts';

export class TrainingBatch implements Batch, PackedTokens {
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
  /** Length of each sequence, [B]. */
  readonly #lengths: Int32Array;
  /** First page of each sequence, and their number at the end; a pool has the pages of one sequence after another. */
  readonly #pages: readonly number[];
  readonly #uploads = new Map<string, Tensor>();

  /** Sequences of token ids, each of at least one. */
  constructor(sequences: readonly ArrayLike<number>[]) {
    this.#lengths = Int32Array.from(sequences, ({ length }) => length);
    this.starts = sums(this.#lengths);
    this.#pages = sums(this.#lengths.map(pagesFor));
    this.ids = Int32Array.from(sequences.flatMap((ids) => Array.from(ids)));
    this.positions = Int32Array.from(sequences.flatMap(({ length }) => Array.from({ length }, (_, n) => n)));
  }

  get length(): number {
    return this.ids.length;
  }

  feed(ops: Ops, make: (tokens: PackedTokens) => Uploadable, shape: Shape): Tensor {
    return ops.upload(make(this), shape);
  }

  /** Rows in whole pages; rows after the last of a sequence repeat some row, and are never read. */
  remember(ops: Ops, _: StateTensor, x: Tensor): Tensor {
    if (this.#lengths.every((length) => length % PAGE_ROWS === 0)) return x;
    return ops.gather(
      x,
      this.#once(ops, 'rows', () => this.#rows()),
    );
  }

  /** Computed once for each distinct id of the batch. */
  rememberById(ops: Ops, _: StateTensor, compute: (ids: Tensor) => Tensor): Tensor {
    const distinct = [...new Set(this.ids)];
    const place = new Map(distinct.map((id, n) => [id, n]));
    const ids = this.#once(ops, 'ids', () => Int32Array.from(distinct));
    const made = compute(ids);
    const rows = () => this.#rows().map((row) => place.get(this.ids[row] as number) as number);
    return ops.gather(made, this.#once(ops, 'rows by id', rows));
  }

  keysValues(ops: Ops, k: Tensor, v: Tensor): KeysValues {
    const count = this.#lengths.length;
    const width = Math.max(...this.#lengths.map(pagesFor));
    const tables = () =>
      Int32Array.from(
        { length: count * width },
        (_, i) => (this.#pages[Math.floor(i / width)] as number) + (i % width),
      );
    return {
      k,
      v,
      tables: ops.reshape(this.#once(ops, 'tables', tables), [count, width]),
      lengths: this.#once(ops, 'lengths', () => this.#lengths),
      starts: this.starts,
      reaches: [...this.#lengths],
    };
  }

  rememberKeysValues(ops: Ops, to: KeyValueState, k: Tensor, v: Tensor): KeysValues {
    return this.keysValues(ops, this.remember(ops, to.k, k), this.remember(ops, to.v, v));
  }

  /** Every sequence begins with zeros. */
  recurrent(ops: Ops, { shape }: StateTensor): Recurrent {
    const count = this.#lengths.length;
    const slots = this.#once(ops, 'slots', () => Int32Array.from({ length: count }, (_, b) => b));
    return { pool: ops.zeros([count, ...shape]), slots, starts: this.starts };
  }

  showRecurrent(): void {}

  /** The row of x that each row of a pool holds, [R]. */
  #rows(): Int32Array {
    const rows = new Int32Array((this.#pages.at(-1) as number) * PAGE_ROWS);
    this.#lengths.forEach((length, b) => {
      const pages = Array.from({ length: pagesFor(length) }, (_, i) => (this.#pages[b] as number) + i);
      for (let s = 0; s < length; s++) rows[poolRow(pages, s)] = (this.starts[b] as number) + s;
    });
    return rows;
  }

  /** Uploads [n] once; later calls with this name get the same tensor. */
  #once(ops: Ops, name: string, make: () => Int32Array): Tensor {
    const found = this.#uploads.get(name);
    if (found) return found;
    const numbers = make();
    const tensor = ops.upload(numbers, [numbers.length]);
    this.#uploads.set(name, tensor);
    return tensor;
  }
}

/** [0, c0, c0 + c1, ...] */
function sums(counts: ArrayLike<number>): number[] {
  const all = [0];
  for (let i = 0; i < counts.length; i++) all.push((all[i] as number) + (counts[i] as number));
  return all;
}
