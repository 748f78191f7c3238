/**
 * The tokens of one pass: several sequences packed one after another, each with or without a state. Rows of different sequences
 * meet nowhere but here, so the rest of a model needs no batch axis and no padding.
 */
import { UsageError } from '../errors.ts';
import type { KeysValues, Ops } from '../ops/index.ts';
import { rows, type Shape, type Tensor, type Uploadable } from '../tensor.ts';
import type { State } from './state.ts';

export interface Sequence {
  readonly ids: ArrayLike<number>;
  /** Without one, the sequence starts at position 0 and nothing is remembered. */
  readonly state?: State;
}

export class Batch {
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
  readonly ids: Int32Array;
  /** Position of each token in its sequence. */
  readonly positions: Int32Array;
  /** What was fed, in order. */
  readonly feeds: ((batch: Batch) => Uploadable)[] = [];
  readonly #sequences: readonly Sequence[];
  readonly #repeatable: boolean;
  /** Rows that each state has before and after the pass, i32 [B]. */
  #lengths: { before: Tensor; after: Tensor } | undefined;

  /** `repeatable`: how far each sequence has come is told by numbers in memory, so that the same commands serve the next tokens. */
  constructor(sequences: readonly Sequence[], { repeatable = false }: { readonly repeatable?: boolean } = {}) {
    this.#repeatable = repeatable && sequences.every(({ state }) => state);
    const starts = [0];
    for (const { ids } of sequences) starts.push((starts.at(-1) ?? 0) + ids.length);
    this.starts = starts;
    this.#sequences = sequences;
    this.ids = new Int32Array(starts.at(-1) ?? 0);
    this.positions = new Int32Array(this.ids.length);
    sequences.forEach(({ ids, state }, i) => {
      const first = starts[i] ?? 0;
      this.ids.set(ids, first);
      for (let n = 0; n < ids.length; n++) this.positions[first + n] = (state?.length ?? 0) + n;
    });
    if (new Set(sequences.map(({ state }) => state)).size < sequences.length && sequences.some(({ state }) => state)) {
      throw new UsageError(
        'two sequences of one batch share a state, or only some have one: give each its own, or none.',
      );
    }
  }

  /** T */
  get length(): number {
    return this.ids.length;
  }

  /** The longest sequence after this pass, in tokens. */
  get reach(): number {
    return this.positions.reduce((max, p) => Math.max(max, p + 1), 0);
  }

  /**
   * Numbers of this batch in the memory of the step. As they are told as a function of the batch, the same step can be run again for
   * the next tokens; what is uploaded otherwise must be encoded each time.
   */
  feed(ops: Ops, make: (batch: Batch) => Uploadable, shape: Shape): Tensor {
    this.feeds.push(make);
    return ops.upload(make(this), shape);
  }

  /** The states that this pass moves on. */
  get states(): State[] {
    return this.#sequences.flatMap(({ state }) => (state ? [state] : []));
  }

  /** Are these the states, in this order? */
  movesOn(states: readonly State[]): boolean {
    return this.#sequences.length === states.length && this.#sequences.every(({ state }, i) => state === states[i]);
  }

  /** Is there room in every state? */
  get fits(): boolean {
    return this.#sequences.every(({ ids, state }) => !state || state.fits(ids.length));
  }

  /** Makes room in every state. */
  reserve(): void {
    for (const { ids, state } of this.#sequences) state?.reserve(ids.length);
  }

  /** After the pass has ended. */
  advance(): void {
    for (const { ids, state } of this.#sequences) state?.advance(ids);
  }

  /**
   * Adds the rows of x[T, ...] to what is remembered under `name`; gives all rows of each sequence, [S_i, ...], and in a repeatable pass
   * also those that are still empty.
   */
  remember(ops: Ops, name: string, x: Tensor): Tensor[] {
    const lengths = this.#repeatable ? this.#lengthsIn(ops) : undefined;
    return this.#sequences.map(({ state }, i) => {
      const fresh = rows(x, this.starts[i] ?? 0, this.starts[i + 1] ?? 0);
      if (!state) return fresh;
      const all = state.tensor(name);
      ops.writeRows(all, fresh, lengths ? rows(lengths.before, i, i + 1) : state.length);
      return lengths ? all : rows(all, 0, state.length + (fresh.shape[0] ?? 0));
    });
  }

  #lengthsIn(ops: Ops) {
    const count = [this.#sequences.length];
    this.#lengths ??= {
      before: this.feed(ops, ({ states }) => Int32Array.from(states, ({ length }) => length), count),
      after: this.feed(
        ops,
        (batch) => Int32Array.from(batch.states, ({ length }, i) => length + batch.count(i)),
        count,
      ),
    };
    return this.#lengths;
  }

  /** Tokens of sequence `i`. */
  count(i: number): number {
    return (this.starts[i + 1] ?? 0) - (this.starts[i] ?? 0);
  }

  /** Keys k[T, K, D] and values v[T, K, Dv] of all tokens of each sequence, old and new. */
  rememberKeysValues(ops: Ops, prefix: string, k: Tensor, v: Tensor): KeysValues[] {
    const values = this.remember(ops, `${prefix}v`, v);
    const keys = this.remember(ops, `${prefix}k`, k);
    return keys.map((k, i) => {
      const length = this.#lengths && { length: rows(this.#lengths.after, i, i + 1) };
      return { k, v: values[i] as Tensor, ...length };
    });
  }

  /** The recurrent tensor of each sequence, to be updated in place; zeros where nothing is remembered. */
  recurrent(ops: Ops, name: string, shape: Shape): Tensor[] {
    return this.#sequences.map(({ state }) => state?.tensor(name) ?? ops.zeros(shape));
  }
}
