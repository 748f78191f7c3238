/**
 * The tokens of one pass: several sequences packed one after another, each with or without a state. Rows of different sequences
 * meet nowhere but here, so the rest of a model needs no batch axis and no padding.
 */
import { UsageError } from '../errors.ts';
import type { KeysValues, Ops } from '../ops/index.ts';
import { reshape, rows, type Shape, size, type Tensor, type Uploadable } from '../tensor.ts';
import type { State } from './state.ts';

export interface Sequence {
  readonly ids: ArrayLike<number>;
  /** Without one, the sequence starts at position 0 and nothing is remembered. */
  readonly state?: State;
}

/** Of one token: a row of the state, or of what is computed. */
interface Source {
  readonly known: boolean;
  readonly row: number;
}

interface ById {
  /** Ids to compute values for. */
  readonly fresh: Int32Array;
  /** Of each token of each sequence. */
  readonly sources: readonly (readonly Source[])[];
  /** 0 or 1 for each token. */
  readonly known: string;
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
  #byId: ById | undefined;
  #remembersById = false;

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

  /** Which tokens were known by their id, when the commands of the pass depend on it. */
  get known(): string | undefined {
    return this.#remembersById ? this.#tokensById.known : undefined;
  }

  /** Are these the states, in this order, and the same tokens known? */
  movesOn(states: readonly State[], known: string | undefined): boolean {
    if (known !== undefined && known !== this.#tokensById.known) return false;
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

  /** After the pass has ended. `plain`: nobody looked, so that no value was replaced. */
  advance(plain: boolean): void {
    for (const { ids, state } of this.#sequences) state?.advance(ids, plain);
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

  /**
   * As `remember`, for values that depend on nothing but the id of their token, in a pass that nobody looks at: `compute` makes them for
   * ids[n], -> [n, ...]. What a state holds of an earlier token with the same id is copied.
   */
  rememberById(ops: Ops, name: string, compute: (ids: Tensor) => Tensor): Tensor[] {
    this.#remembersById = true;
    const { fresh, sources } = this.#tokensById;
    const computed = fresh.length > 0 ? compute(this.feed(ops, (b) => b.#tokensById.fresh, [fresh.length])) : undefined;
    if (computed && fresh.length === this.length) return this.remember(ops, name, computed);
    const lengths = this.#repeatable ? this.#lengthsIn(ops) : undefined;
    return this.#sequences.map(({ state }, i) => {
      const own = sources[i] as readonly Source[];
      if (!state)
        return gather(
          ops,
          computed as Tensor,
          ops.upload(
            Int32Array.from(own, ({ row }) => row),
            [own.length],
          ),
        );
      const all = state.tensor(name);
      for (const [n, { known, row }] of own.entries()) {
        if (lengths && known) {
          const which = this.feed(ops, (b) => Int32Array.from(b.#tokensById.sources[i] ?? [], ({ row }) => row), [1]);
          ops.writeRows(all, gather(ops, all, which), rows(lengths.before, i, i + 1));
        } else {
          const from = rows(known ? all : (computed as Tensor), row, row + 1);
          ops.writeRows(all, from, lengths ? rows(lengths.before, i, i + 1) : state.length + n);
        }
      }
      return lengths ? all : rows(all, 0, state.length + own.length);
    });
  }

  /** Where the values of each token come from. A repeatable pass has one token of each sequence, and computes what is new to its state. */
  get #tokensById(): ById {
    if (this.#byId) return this.#byId;
    const fresh: number[] = [];
    const rowOf = new Map<number, number>();
    const sources = this.#sequences.map(({ ids, state }) =>
      Array.from(ids, (id): Source => {
        // Single rows of i8 can be copied, but not found by numbers in memory.
        const earlier = this.#repeatable && state?.keyValues === 'i8' ? undefined : state?.rowOf(id);
        if (earlier !== undefined) return { known: true, row: earlier };
        const again = this.#repeatable ? undefined : rowOf.get(id);
        if (again === undefined) rowOf.set(id, fresh.push(id) - 1);
        return { known: false, row: again ?? fresh.length - 1 };
      }),
    );
    const known = sources.map((own) => own.map((source) => Number(source.known)).join('')).join(' ');
    this.#byId = { fresh: Int32Array.from(fresh), sources, known };
    return this.#byId;
  }

  /** Keys k[T, K, D] and values v[T, K, Dv] of all tokens of each sequence, old and new. */
  rememberKeysValues(ops: Ops, prefix: string, k: Tensor, v: Tensor): KeysValues[] {
    return this.keysValues(this.remember(ops, `${prefix}k`, k), this.remember(ops, `${prefix}v`, v));
  }

  /** What `remember` gave, in pairs. */
  keysValues(keys: readonly Tensor[], values: readonly Tensor[]): KeysValues[] {
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

/** Rows which[n] of table[C, ...]. */
function gather(ops: Ops, table: Tensor, which: Tensor): Tensor {
  const [count = 0, ...row] = table.shape;
  return reshape(ops.embed(reshape(table, [count, size(row)]), which), [which.shape[0] as number, ...row]);
}
