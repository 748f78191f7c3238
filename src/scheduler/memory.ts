/**
 * Who may begin, by memory. Each running request counts with all that it may come to need, so that none has to be stopped for another; full pages
 * that several share count once. The prefix cache gives way.
 */
import { PAGE_ROWS } from '../base/pages.ts';
import type { PrefixCache } from '../runtime/prefix-cache.ts';
import type { State } from '../runtime/state.ts';
import type { Holding, StatePool } from '../runtime/state-pool.ts';

/** Bytes unless the model or the caller says otherwise. */
const DEFAULT_MEMORY = 2 ** 31;

export class StateMemory {
  /** Most bytes of all states together. */
  readonly maxBytes: number;
  readonly #pool: StatePool;
  readonly #cache: PrefixCache | undefined;
  /** Running states, with the bytes that each may come to need. */
  readonly #running = new Map<State, number>();

  constructor(pool: StatePool, cache: PrefixCache | undefined, maxBytes: number) {
    this.#pool = pool;
    this.#cache = cache;
    this.maxBytes = maxBytes;
  }

  /** Bytes of states of others than the scheduler's. */
  get outside(): number {
    return this.#pool.usedBytes - this.#pool.bytesOf([...this.#running.keys(), ...(this.#cache?.states ?? [])]);
  }

  /**
   * Is there room for a request of these bytes, when the cache gives way? `given`: the state that it continues; `known`: the beginning that it would
   * copy from the cache.
   */
  fits(
    bytes: number,
    { given, known }: { readonly given?: State | undefined; readonly known?: Holding | undefined },
  ): boolean {
    const held = given ? this.#pool.bytesOf([given]) : 0;
    const needed = this.#needed([...this.#running, ...(known ? [[known, bytes] as const] : [])]);
    return needed + (known ? 0 : bytes) + Math.max(0, this.outside - held) <= this.maxBytes;
  }

  reserve(state: State, bytes: number): void {
    this.#running.set(state, bytes);
    this.trim();
  }

  release(state: State): void {
    this.#running.delete(state);
  }

  /** Lets the cache have what is left. */
  trim(): void {
    const left = this.maxBytes - this.#needed(this.#running) - this.outside;
    this.#cache?.shrink(Math.max(0, left), [...this.#running.keys()].map(fullPages));
  }

  /** Bytes that these may come to need together, each given with what it needs alone. */
  #needed(all: Iterable<readonly [holding: Holding, bytes: number]>): number {
    const list = [...all];
    const full = list.map(([holding]) => fullPages(holding));
    const own = list.reduce((sum, [, bytes], i) => sum + bytes - this.#pool.bytesOf([full[i] as Holding]), 0);
    return own + this.#pool.bytesOf(full);
  }
}

/** The pages of a state that are never written again. */
const fullPages = ({ length, pages }: Holding): Holding => ({
  length,
  pages: pages.slice(0, Math.floor(length / PAGE_ROWS)),
  slot: undefined,
});

/** The bound of a scheduler on this pool. */
export const memoryOf = (pool: StatePool, wanted: number | undefined): number =>
  Math.min(pool.maxBytes, wanted ?? (Number.isFinite(pool.maxBytes) ? pool.maxBytes : DEFAULT_MEMORY));
