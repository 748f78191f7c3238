/**
 * Keeps the states of texts that were read, so that a prompt which begins like one of them only needs its new tokens read. A KV cache can
 * be rewound to any common prefix. A recurrent state cannot, so copies of it are kept at several points of a prompt.
 */
import { UsageError } from '../base/errors.ts';
import type { Traces } from '../interventions/provenance.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import type { Engine } from './engine.ts';
import { commonPrefix, type State } from './state.ts';
import type { Holding } from './state-pool.ts';

const PREFIX_CACHE_OPTIONS = {
  /** Most bytes that the kept states may take together; the least recently used are dropped first. Default 512 MiB. */
  maxBytes: option(kinds.bytes, 'bytes that the kept states may take together', 512 * 2 ** 20),
};

export interface PrefixCacheOptions extends OptionsOf<typeof PREFIX_CACHE_OPTIONS> {}

/** Tokens between two copies of a recurrent state in a long prompt: four steps of the engine. */
const SNAPSHOT_TOKENS = 1024;

export class PrefixCache {
  readonly engine: Engine;
  readonly maxBytes: number;
  /** Least recently used first. */
  readonly #kept = new Set<State>();
  #disposed = false;

  constructor(engine: Engine, options: PrefixCacheOptions = {}) {
    this.engine = engine;
    this.maxBytes = checkOptions('a prefix cache', options, PREFIX_CACHE_OPTIONS).maxBytes;
  }

  /** Bytes held now; memory that several states share counts once. */
  get bytes(): number {
    return this.engine.pool.bytesOf(this.#kept);
  }

  /**
   * Returns a state that has read the longest known prefix of `ids`, without its last token. The caller owns it, and gives it to `keep` at
   * the end. It shares memory with the kept one. `under`: the interventions and the adapter under which `ids` will be read; only states read
   * under the same ones are used.
   */
  async take(ids: readonly number[], under?: Traces): Promise<State> {
    if (this.#disposed) throw new UsageError('this prefix cache was disposed; make a new one.');
    const best = this.find(ids, under);
    if (!best) return this.engine.newState();
    this.#touch(best.state);
    return best.state.clone(best.length);
  }

  /** The kept state of which `take` would copy the first `length` tokens. */
  find(ids: readonly number[], under?: Traces): { readonly state: State; readonly length: number } | undefined {
    let best: { readonly state: State; readonly length: number } | undefined;
    for (const state of this.#kept) {
      const length = state.reusable(ids, under);
      if (length >= Math.max(1, best?.length ?? 0)) best = { state, length };
    }
    return best;
  }

  /**
   * The lengths of `ids` at which a copy of the state should be kept, ascending, beyond what it has read. None for a KV cache. The last but
   * one token is included, because one token must remain to be read when the same prompt comes again; so is the point where the prompt
   * diverges from a known text, since others may diverge there too.
   */
  pointsIn(ids: readonly number[], state: State): number[] {
    if (state.rewindable) return [];
    const points = new Set([ids.length - 1]);
    for (let at = SNAPSHOT_TOKENS; at < ids.length; at += SNAPSHOT_TOKENS) points.add(at);
    points.add(Math.max(0, ...[...this.#kept].map((other) => commonPrefix(other.ids, ids))));
    return [...points].filter((at) => at > state.length && at < ids.length).sort((a, b) => a - b);
  }

  /** Takes over a state. Disposes of it when it has failed, when another state covers it, or when it is larger than `maxBytes`. */
  keep(state: State): void {
    const better = [...this.#kept].find((other) => covers(other, state));
    if (better) this.#touch(better);
    if (better || this.#disposed || !state.intact || state.length === 0 || state.bytes > this.maxBytes) {
      state.dispose();
      return;
    }
    for (const other of this.#kept) if (covers(state, other)) this.#drop(other);
    this.#kept.add(state);
    this.shrink(this.maxBytes);
  }

  /** Keeps a copy of a state that is still in use. */
  async keepCopy(state: State): Promise<void> {
    if (state.bytes <= this.maxBytes) this.keep(await state.clone());
  }

  /** The states that are kept now. */
  get states(): Iterable<State> {
    return this.#kept;
  }

  /** Drops the least recently used states until the rest take at most `maxBytes` beyond what `others` hold in any case. */
  shrink(maxBytes: number, others: readonly Holding[] = []): void {
    const { pool } = this.engine;
    const theirs = pool.bytesOf(others);
    for (const oldest of this.#kept)
      if (pool.bytesOf([...this.#kept, ...others]) - theirs > maxBytes) this.#drop(oldest);
  }

  /** Frees all kept states. States in use are freed when they are given to `keep`. */
  dispose(): void {
    this.#disposed = true;
    for (const state of this.#kept) this.#drop(state);
  }

  #touch(state: State): void {
    this.#kept.delete(state);
    this.#kept.add(state);
  }

  #drop(state: State): void {
    this.#kept.delete(state);
    state.dispose();
  }
}

/** Is `a` at least as useful as `b`: can every text that continues from `b` also continue from `a`? */
function covers(a: State, b: State): boolean {
  return (
    commonPrefix(a.ids, b.ids) === b.length &&
    (a.rewindable || a.length === b.length) &&
    a.provenance(b.length) === b.provenance()
  );
}
