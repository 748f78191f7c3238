/**
 * The memory of all sequences of an engine. The KV cache, which grows with each token, is stored in pages of PAGE_ROWS rows; states of
 * fixed size are stored in slots. States with a common beginning share pages and slots; a shared page or slot is copied before it is
 * written. The pool doubles when it is full, up to `maxBytes`, and frees its memory when no state is left.
 */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { PAGE_ROWS, pagesFor } from '../base/pages.ts';
import type { Tensor } from '../base/tensor.ts';
import { KEY_VALUE_DTYPE, type KeyValueFormat } from '../formats/key-values.ts';
import type { StateTensor } from '../models/model.ts';
import type { Ops } from '../ops/index.ts';
import { Units } from './units.ts';

/** The memory of one state. */
export interface Holding {
  /** Tokens that were read. */
  readonly length: number;
  /** The pages of rows 0..length, in order. */
  pages: number[];
  slot: number | undefined;
}

export interface StatePoolOptions {
  readonly layout: readonly StateTensor[];
  readonly backend: Backend;
  readonly ops: Ops;
  /** Format of the KV cache; recurrent states are f32. Default f32. */
  readonly keyValues?: KeyValueFormat | undefined;
  /** Most bytes that all states may take together; default: whatever the backend can allocate. */
  readonly maxBytes?: number | undefined;
}

export class StatePool {
  readonly layout: readonly StateTensor[];
  readonly backend: Backend;
  readonly ops: Ops;
  readonly keyValues: KeyValueFormat;
  readonly maxBytes: number;
  readonly pages: Units;
  readonly slots: Units;
  readonly #holders = new Set<Holding>();
  #last: Promise<unknown> = Promise.resolve();
  #turns = 0;

  constructor({ layout, backend, ops, keyValues = 'f32', maxBytes = Number.POSITIVE_INFINITY }: StatePoolOptions) {
    this.layout = layout;
    this.backend = backend;
    this.ops = ops;
    this.keyValues = keyValues;
    this.maxBytes = maxBytes;
    const shared = { backend, ops };
    const growing = layout.filter(({ grows }) => grows);
    const fixed = layout.filter(({ grows }) => !grows);
    this.pages = new Units({ ...shared, layout: growing, unitRows: PAGE_ROWS, dtype: KEY_VALUE_DTYPE[keyValues] });
    this.slots = new Units({ ...shared, layout: fixed, unitRows: 1, dtype: 'f32' });
  }

  /** Bytes that states hold now; shared memory counts once. */
  get usedBytes(): number {
    return this.pages.used * this.pages.unitBytes + this.slots.used * this.slots.unitBytes;
  }

  /** Bytes taken from the backend. */
  get bytes(): number {
    return this.pages.capacity * this.pages.unitBytes + this.slots.capacity * this.slots.unitBytes;
  }

  /** Bytes that these states hold together; shared memory counts once. */
  bytesOf(holdings: Iterable<Holding>): number {
    const [pages, slots] = [new Set<number>(), new Set<number>()];
    for (const holding of holdings) {
      for (const page of holding.pages) pages.add(page);
      if (holding.slot !== undefined) slots.add(holding.slot);
    }
    return pages.size * this.pages.unitBytes + slots.size * this.slots.unitBytes;
  }

  /** Bytes of a state of this many tokens that shares nothing. */
  bytesFor(tokens: number): number {
    return pagesFor(tokens) * this.pages.unitBytes + this.slots.unitBytes;
  }

  /** The tensor of this name, of all sequences: [R, ...] rows in pages, or [C, ...] slots. */
  tensor(name: string): Tensor {
    const found = this.pages.tensor(name) ?? this.slots.tensor(name);
    if (!found) throw new Error(`there is no '${name}' among the tensors of a state`);
    return found;
  }

  /** Runs `body` after all earlier ones have ended. Only inside of it may the pool be read, written or grown. */
  turn<R>(body: () => Promise<R>): Promise<R> {
    this.#turns++;
    const done = this.#last.then(body).finally(() => {
      this.#turns--;
      this.#tidy();
    });
    this.#last = done.catch(() => {});
    return done;
  }

  /**
   * Reserves room for `count` more tokens of each state before a step, and copies shared memory that the step will write. To be called
   * inside of `turn`. Throws UsageError, and changes nothing, when there is no room.
   */
  async prepare(wanted: readonly { readonly holding: Holding; readonly count: number }[]): Promise<void> {
    const needs = wanted.map(({ holding, count }) => this.#needOf(holding, count));
    const sum = (of: (need: Need) => number) => needs.reduce((total, need) => total + of(need), 0);
    await this.#reserve(
      this.pages,
      sum(({ pages, copiesPage }) => pages + Number(copiesPage)),
    );
    await this.#reserve(
      this.slots,
      sum(({ slot }) => Number(slot !== 'own')),
    );
    const taken = needs.map(({ slot, copiesPage }) => ({
      slot: slot === 'own' ? undefined : this.slots.take(),
      page: copiesPage ? this.pages.take() : undefined,
    }));
    try {
      await this.#fill(wanted, needs, taken);
    } catch (error) {
      for (const { slot, page } of taken) {
        if (slot !== undefined) this.slots.release(slot);
        if (page !== undefined) this.pages.release(page);
      }
      throw error;
    }
    wanted.forEach(({ holding }, i) => {
      const { slot, page } = taken[i] as Taken;
      if (slot !== undefined) {
        if (holding.slot !== undefined) this.slots.release(holding.slot);
        holding.slot = slot;
      }
      if (page !== undefined) {
        this.pages.release(holding.pages.at(-1) as number);
        holding.pages.splice(-1, 1, page);
      }
      for (let n = (needs[i] as Need).pages; n > 0; n--) holding.pages.push(this.pages.take());
      this.#holders.add(holding);
    });
  }

  /** Registers a state that shares all memory of another. */
  share(holding: Holding): void {
    for (const page of holding.pages) this.pages.share(page);
    if (holding.slot !== undefined) this.slots.share(holding.slot);
    this.#holders.add(holding);
  }

  /** Frees the memory beyond the first `length` tokens; with 0, all of it. */
  release(holding: Holding, length = 0): void {
    for (const page of holding.pages.splice(pagesFor(length))) this.pages.release(page);
    if (length === 0) {
      if (holding.slot !== undefined) this.slots.release(holding.slot);
      holding.slot = undefined;
      this.#holders.delete(holding);
    }
    this.#tidy();
  }

  #tidy(): void {
    if (this.#turns > 0) return;
    this.pages.drop();
    this.slots.drop();
  }

  #needOf({ length, pages, slot }: Holding, count: number): Need {
    const hasPages = this.pages.layout.length > 0;
    const last = pages.at(-1);
    return {
      pages: hasPages ? pagesFor(length + count) - pages.length : 0,
      copiesPage: last !== undefined && length % PAGE_ROWS > 0 && this.pages.isShared(last),
      slot:
        this.slots.layout.length === 0
          ? 'own'
          : slot === undefined
            ? 'new'
            : this.slots.isShared(slot)
              ? 'copy'
              : 'own',
    };
  }

  /** Clears new slots, and copies the shared slots and pages that will be written. */
  async #fill(
    wanted: readonly { readonly holding: Holding }[],
    needs: readonly Need[],
    taken: readonly Taken[],
  ): Promise<void> {
    if (taken.every(({ slot, page }) => slot === undefined && page === undefined)) return;
    await this.backend.step(async () => {
      wanted.forEach(({ holding }, i) => {
        const { slot, page } = taken[i] as Taken;
        if (page !== undefined) this.pages.copy(holding.pages.at(-1) as number, page, holding.length % PAGE_ROWS);
        if (slot === undefined) return;
        if ((needs[i] as Need).slot === 'copy') this.slots.copy(holding.slot as number, slot);
        else this.slots.clear(slot);
      });
    });
  }

  /** Room for `count` more units. */
  async #reserve(units: Units, count: number): Promise<void> {
    const needed = units.used + count;
    if (needed <= units.capacity) return;
    const most = units.capacity + Math.floor((this.maxBytes - this.bytes) / units.unitBytes);
    const missing = (needed - units.capacity) * units.unitBytes;
    if (needed > most) throw this.#full(missing, `of at most ${this.maxBytes}`);
    const doubled = Math.min(most, Math.max(needed, 2 * units.capacity));
    try {
      try {
        await units.grow(doubled);
      } catch (error) {
        if (!(error instanceof RangeError) || doubled === needed) throw error;
        await units.grow(needed);
      }
    } catch (error) {
      throw error instanceof RangeError ? this.#full(missing, 'and there is no more memory', error) : error;
    }
  }

  #full(missing: number, bound: string, cause?: unknown): UsageError {
    const tokens = [...this.#holders].reduce((sum, { length }) => sum + length, 0);
    return new UsageError(
      `the memory of states is full: ${this.#holders.size} sequences hold ${tokens} tokens in ${this.usedBytes} bytes ${bound}, ` +
        `and ${missing} more are needed. Dispose of states or prefix caches, read fewer or shorter texts at once, ` +
        'keep keys and values as f16 or i8, or load the model with a larger maxStateBytes (--max-state).',
      { cause },
    );
  }
}

interface Need {
  /** New pages at the end. */
  readonly pages: number;
  /** Must the last page be copied, because it is shared and will be written? */
  readonly copiesPage: boolean;
  readonly slot: 'own' | 'new' | 'copy';
}

interface Taken {
  readonly slot: number | undefined;
  readonly page: number | undefined;
}
