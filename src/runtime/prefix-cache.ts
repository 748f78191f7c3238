/**
 * States of texts that were read before, so that a prompt which begins like one of them costs its new tokens only. States that grow can
 * go back to any common prefix; recurrent ones serve only where they stand, so copies of them are kept on the way through a prompt.
 */
import { UsageError } from '../base/errors.ts';
import type { SequenceInterventions } from '../interventions/sequence.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import type { Engine } from './engine.ts';
import { commonPrefix, type State } from './state.ts';

const PREFIX_CACHE_OPTIONS = {
  /** What the kept states may take together; the least recently used go first. Default 512 MiB. */
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

  /** Bytes held now; what several states share counts once. */
  get bytes(): number {
    return this.engine.pool.bytesOf(this.#kept);
  }

  /**
   * A state that has read as much of the beginning of `ids` as is known, all but the last at most; the caller's own, to be given to
   * `keep` in the end. It shares the memory of the one that is kept. `under`: the interventions under which `ids` are to be read; only what was read
   * under the same is used.
   */
  async take(ids: readonly number[], under?: SequenceInterventions): Promise<State> {
    if (this.#disposed) throw new UsageError('this prefix cache was disposed; make a new one.');
    let best: State | undefined;
    let length = 0;
    for (const state of this.#kept) {
      const usable = state.reusable(ids, under);
      if (usable < Math.max(1, length)) continue;
      best = state;
      length = usable;
    }
    if (!best) return this.engine.newState();
    this.#touch(best);
    return best.clone(length);
  }

  /**
   * How many of `ids` a state should have read when copies of it are kept; in ascending order, after those it has read already. None
   * for states that grow. The last but one token is among them, because one token must remain to be read when a prompt comes again;
   * so is the place where the prompt parts from another that is known: a third may part there too.
   */
  pointsIn(ids: readonly number[], state: State): number[] {
    if (state.rewindable) return [];
    const points = new Set([ids.length - 1]);
    for (let at = SNAPSHOT_TOKENS; at < ids.length; at += SNAPSHOT_TOKENS) points.add(at);
    points.add(Math.max(0, ...[...this.#kept].map((other) => commonPrefix(other.ids, ids))));
    return [...points].filter((at) => at > state.length && at < ids.length).sort((a, b) => a - b);
  }

  /** Takes over a state. One that failed, that another makes superfluous, or that is larger than all there may be is disposed. */
  keep(state: State): void {
    const better = [...this.#kept].find((other) => covers(other, state));
    if (better) this.#touch(better);
    if (better || this.#disposed || !state.intact || state.length === 0 || state.bytes > this.maxBytes) {
      state.dispose();
      return;
    }
    for (const other of this.#kept) if (covers(state, other)) this.#drop(other);
    this.#kept.add(state);
    for (const oldest of this.#kept) if (this.bytes > this.maxBytes) this.#drop(oldest);
  }

  /** Keeps a copy of a state that is still in use. */
  async keepCopy(state: State): Promise<void> {
    if (state.bytes <= this.maxBytes) this.keep(await state.clone());
  }

  /** Gives all memory back; states that are in use now when they come back. */
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

/** Can everything that continues from `b` continue from `a`? */
function covers(a: State, b: State): boolean {
  return (
    commonPrefix(a.ids, b.ids) === b.length &&
    (a.rewindable || a.length === b.length) &&
    a.provenance(b.length) === b.provenance()
  );
}
