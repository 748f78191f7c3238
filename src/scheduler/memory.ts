/**
 * Who may begin, by memory. Each running request counts with all that it may come to need, so that none has to be stopped for another; the
 * prefix cache gives way.
 */
import { pagesFor } from '../base/pages.ts';
import type { PrefixCache } from '../runtime/prefix-cache.ts';
import type { State } from '../runtime/state.ts';
import type { StatePool } from '../runtime/state-pool.ts';

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

  /** Bytes of a state of this many tokens. */
  bytesFor(tokens: number): number {
    const { pages, slots } = this.#pool;
    return pagesFor(tokens) * pages.unitBytes + slots.unitBytes;
  }

  /** Bytes that running requests may come to need, and bytes of states of others than the scheduler's. */
  get reserved(): { readonly running: number; readonly outside: number } {
    const running = [...this.#running.values()].reduce((sum, bytes) => sum + bytes, 0);
    const own = this.#pool.bytesOf([...this.#running.keys(), ...(this.#cache?.states ?? [])]);
    return { running, outside: this.#pool.usedBytes - own };
  }

  /** Is there room for these bytes more, when the cache gives way? `state`: the state that they are for, if it exists. */
  fits(bytes: number, state?: State): boolean {
    const { running, outside } = this.reserved;
    const held = state ? this.#pool.bytesOf([state]) : 0;
    return running + bytes + Math.max(0, outside - held) <= this.maxBytes;
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
    if (!this.#cache) return;
    const { running, outside } = this.reserved;
    this.#cache.shrink(Math.max(0, this.maxBytes - running - outside));
  }
}

/** The bound of a scheduler on this pool. */
export const memoryOf = (pool: StatePool, wanted: number | undefined): number =>
  Math.min(pool.maxBytes, wanted ?? (Number.isFinite(pool.maxBytes) ? pool.maxBytes : DEFAULT_MEMORY));
