/** Prompts that begin alike are read once: who waits for another that is being read, and where copies of its state are kept for those who wait. */
import { agreement } from '../interventions/provenance.ts';
import { commonPrefix, type State } from '../runtime/state.ts';
import type { Task } from './task.ts';

/** So many tokens that another reads now are worth waiting for. */
const WORTH_WAITING = 32;

/** Of those who wait, so many are looked at for what they share with one who begins. */
const LOOKED_AT = 64;

/** A prompt that is being read. */
export interface Reading {
  readonly task: Task;
  readonly state?: State | undefined;
  /** Tokens of the prompt that were in the prefix cache. */
  readonly cachedTokens?: number | undefined;
  /** Where a copy of the state is kept: ascending lengths. */
  readonly points?: readonly number[] | undefined;
  readonly left: boolean;
}

/** Is a prompt that begins alike being read now? Then this one waits for its state, and does not delay those behind. */
export function isReadBy(running: Iterable<Reading>, task: Task): boolean {
  if (!task.prompt) return false;
  return [...running].some(({ task: other, state, cachedTokens = 0, points = [], left }) => {
    if (!other.prompt || other.isDecoding || left || !state) return false;
    const common = sharedLength(task, other);
    const kept = state.rewindable ? common : points.findLast((at) => at <= common && at > state.length);
    return kept !== undefined && kept - cachedTokens >= WORTH_WAITING;
  });
}

/**
 * The lengths of a prompt at which others who wait go on in another way, ascending, those close together once. None for a KV cache, which can go back.
 */
export function branches(task: Task, state: State, waiting: readonly { readonly task: Task }[]): number[] {
  if (state.rewindable) return [];
  const lengths = waiting.slice(0, LOOKED_AT).map((other) => sharedLength(other.task, task));
  const found: number[] = [];
  for (const at of lengths.sort((a, b) => a - b))
    if (at - (found.at(-1) ?? state.length) >= WORTH_WAITING) found.push(at);
  return found;
}

/** How many tokens of the prompt of `one` are the same in `other`, read under the same interventions; one at least is left to be read. */
function sharedLength(one: Task, other: Task): number {
  if (!one.prompt || !other.prompt) return 0;
  const common = Math.min(commonPrefix(one.prompt, other.prompt), one.prompt.length - 1);
  return agreement([{ from: 0, to: common, under: one.under }], [{ from: 0, to: common, under: other.under }], common);
}
