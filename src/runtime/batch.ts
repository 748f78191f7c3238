/** The batch that the runtime hands to a model: the packed tokens of a step, and the pool with the state of their sequences. */

import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { Batch } from '../models/batch.ts';
import type { StateTensor } from '../models/model.ts';
import type { KeyValueState } from '../models/part.ts';
import type { See } from '../models/tap.ts';
import type { KeysValues, Ops, Recurrent } from '../ops/index.ts';
import type { Packed } from './packed.ts';
import type { StatePool } from './state-pool.ts';

/** Computes one upload of a step from its packed tokens. */
export type Feed = (packed: Packed) => Uploadable;

export class PackedBatch implements Batch {
  /** What was uploaded, in order. A recorded step calls these again for its new tokens. */
  readonly feeds: Feed[] = [];
  readonly #packed: Packed;
  readonly #pool: StatePool;
  readonly #fed = new Map<string, Tensor>();
  #usesIds = false;

  constructor(packed: Packed, pool: StatePool) {
    this.#packed = packed;
    this.#pool = pool;
  }

  get length(): number {
    return this.#packed.ids.length;
  }

  /** Has the pass called `rememberById`? */
  get usesIds(): boolean {
    return this.#usesIds;
  }

  feed(ops: Ops, make: Feed, shape: Shape): Tensor {
    this.feeds.push(make);
    return ops.upload(make(this.#packed), shape);
  }

  remember(ops: Ops, { name }: StateTensor, x: Tensor): Tensor {
    const pool = this.#pool.tensor(name);
    ops.writeRows(
      pool,
      x,
      this.once(ops, 'places', ({ places }) => places, [this.length]),
    );
    return pool;
  }

  rememberById(ops: Ops, { name }: StateTensor, compute: (ids: Tensor) => Tensor): Tensor {
    this.#usesIds = true;
    const pool = this.#pool.tensor(name);
    const { fresh, from } = this.#packed.byId;
    if (fresh.length > 0) {
      const computed = compute(this.feed(ops, ({ byId }) => byId.fresh, [fresh.length]));
      ops.writeRows(
        pool,
        computed,
        this.feed(ops, ({ byId }) => byId.places, [fresh.length]),
      );
    }
    if (from.length > 0) {
      const source = this.feed(ops, ({ byId }) => byId.from, [from.length]);
      ops.copyRows(
        pool,
        source,
        this.feed(ops, ({ byId }) => byId.to, [from.length]),
      );
    }
    return pool;
  }

  keysValues(ops: Ops, k: Tensor, v: Tensor): KeysValues {
    const { starts, lengths, pages } = this.#packed;
    return {
      k,
      v,
      tables: this.once(ops, 'tables', ({ tables }) => tables, [lengths.length, pages]),
      lengths: this.once(ops, 'lengths', ({ lengths }) => lengths, [lengths.length]),
      starts,
      reaches: [...lengths],
    };
  }

  rememberKeysValues(ops: Ops, to: KeyValueState, k: Tensor, v: Tensor): KeysValues {
    return this.keysValues(ops, this.remember(ops, to.k, k), this.remember(ops, to.v, v));
  }

  recurrent(ops: Ops, { name }: StateTensor): Recurrent {
    const { starts, slots } = this.#packed;
    const fed = this.once(ops, 'slots', ({ slots }) => slots, [slots.length]);
    return { pool: this.#pool.tensor(name), slots: fed, starts };
  }

  showRecurrent(ops: Ops, { pool }: Recurrent, see: readonly (See | undefined)[] | undefined): void {
    this.#packed.slots.forEach((slot, b) => {
      const show = see?.[b];
      if (!show) return;
      const own = ops.reshape(ops.rows(pool, slot, slot + 1), pool.shape.slice(1));
      ops.assign(own, show(own));
    });
  }

  /** Uploads what `make` gives at the first call with this name; later calls get the same tensor. */
  once(ops: Ops, name: string, make: Feed, shape: Shape): Tensor {
    const found = this.#fed.get(name) ?? this.feed(ops, make, shape);
    this.#fed.set(name, found);
    return found;
  }
}
