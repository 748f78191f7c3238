/** The tokens of one step as arrays of numbers, to be uploaded. Two steps with arrays of the same sizes can run the same commands. */

import { poolRow } from '../base/pages.ts';
import type { SequenceInterventions } from '../interventions/sequence.ts';
import type { PackedTokens } from '../models/batch.ts';
import { StepInterventions } from './interventions.ts';
import type { State } from './state.ts';

export interface Sequence {
  readonly interventions?: SequenceInterventions | undefined;
  readonly ids: ArrayLike<number>;
  /** Room for the new tokens has been reserved. */
  readonly state: State;
}

/** For values that depend only on a token's id: which are computed and which are copied. All numbers are rows of the pool. */
export interface ById {
  /** Ids whose values are computed, i32 [n]. */
  readonly fresh: Int32Array;
  /** The rows that they are written to, [n]. */
  readonly places: Int32Array;
  /** Source rows of the copies, [m]. */
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export class Packed implements PackedTokens {
  readonly sequences: readonly Sequence[];
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  /** Row of each token in the pool, [T]. */
  readonly places: Int32Array;
  /** Width of the page tables. */
  readonly pages: number;
  /** Length of each sequence after the step, [B]. */
  readonly lengths: Int32Array;
  /** Slot of each sequence, [B]. */
  readonly slots: Int32Array;
  readonly #rounded: boolean;
  #byId: ById | undefined;
  #interventions: StepInterventions | undefined;

  /** `rounded`: round sizes up to powers of two, so that fewer different steps are recorded. */
  constructor(sequences: readonly Sequence[], { rounded = false }: { readonly rounded?: boolean } = {}) {
    this.sequences = sequences;
    this.#rounded = rounded;
    const starts = [0];
    for (const { ids } of sequences) starts.push((starts.at(-1) as number) + ids.length);
    this.starts = starts;
    const total = starts.at(-1) as number;
    this.ids = new Int32Array(total);
    this.positions = new Int32Array(total);
    this.places = new Int32Array(total);
    sequences.forEach(({ ids, state: { length, pages } }, b) => {
      const first = starts[b] as number;
      this.ids.set(ids, first);
      for (let n = 0; n < ids.length; n++) {
        this.positions[first + n] = length + n;
        if (pages.length > 0) this.places[first + n] = poolRow(pages, length + n);
      }
    });
    const most = sequences.reduce((most, { state }) => Math.max(most, state.pages.length), 0);
    this.pages = rounded ? powerFrom(most) : most;
    this.lengths = Int32Array.from(sequences, ({ ids, state }) => state.length + ids.length);
    this.slots = Int32Array.from(sequences, ({ state }) => state.slot ?? 0);
  }

  /** Pages of each sequence, [B, pages]. */
  get tables(): Int32Array {
    const tables = new Int32Array(this.sequences.length * this.pages);
    for (const [b, { state }] of this.sequences.entries()) tables.set(state.pages, b * this.pages);
    return tables;
  }

  get interventions(): StepInterventions {
    this.#interventions ??= new StepInterventions(this);
    return this.#interventions;
  }

  /** For values that depend only on a token's id: copied from an earlier token of the sequence or of this step, or else computed. */
  get byId(): ById {
    this.#byId ??= this.#rounded ? roundUp(this.#sources(), this.ids.length) : this.#sources();
    return this.#byId;
  }

  #sources(): ById {
    const fresh: number[] = [];
    const places: number[] = [];
    const from: number[] = [];
    const to: number[] = [];
    const seen = new Map<number, number>();
    this.sequences.forEach(({ ids, state }, b) => {
      for (let n = 0; n < ids.length; n++) {
        const id = ids[n] as number;
        const place = this.places[(this.starts[b] as number) + n] as number;
        const earlier = state.rowOf(id);
        const source = earlier === undefined ? seen.get(id) : poolRow(state.pages, earlier);
        if (source === undefined) {
          seen.set(id, place);
          fresh.push(id);
          places.push(place);
        } else {
          from.push(source);
          to.push(place);
        }
      }
    });
    const numbers = (some: readonly number[]) => Int32Array.from(some);
    return { fresh: numbers(fresh), places: numbers(places), from: numbers(from), to: numbers(to) };
  }
}

/** The smallest power of two that is at least `count`; 0 for 0. */
function powerFrom(count: number): number {
  let power = Math.min(count, 1);
  while (power < count) power *= 2;
  return power;
}

/** Pads the fresh ids to a power of two, and the copies to the remaining tokens, by repeating entries. */
function roundUp({ fresh, places, from, to }: ById, tokens: number): ById {
  const computed = Math.min(tokens, powerFrom(fresh.length));
  const copied = tokens - (computed > 1 ? powerFrom(fresh.length) / 2 + 1 : computed);
  const fill = (x: Int32Array, count: number, spare: number) =>
    Int32Array.from({ length: count }, (_, i) => x[i] ?? spare);
  const row = (to[0] ?? places[0]) as number; // a row that is copied onto itself keeps its numbers
  return {
    fresh: fill(fresh, computed, fresh[0] as number),
    places: fill(places, computed, places[0] as number),
    from: fill(from, copied, from[0] ?? row),
    to: fill(to, copied, row),
  };
}
