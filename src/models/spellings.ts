/** Keys of a config.json that have two names. */
import { CheckpointError, quote } from '../errors.ts';
import type { JsonObject } from './config.ts';

export const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** The value under one of two spellings. `auto` leaves the choice to the other. */
export function agreed([to, value]: readonly [string, unknown], [from, second]: readonly [string, unknown]): unknown {
  if (!isSet(second) || second === value || (second === 'auto' && isSet(value))) return value;
  if (!isSet(value) || value === 'auto') return second;
  throw new CheckpointError(
    `config.json has '${to}': ${quote(value)} and '${from}': ${quote(second)}, which are two names of one thing: remove the wrong one.`,
  );
}

/** With what stands under second names put under the first ones. `names`: [second, first] */
export function withFirstNames(json: JsonObject, names: readonly (readonly [string, string])[]): JsonObject {
  const words: Record<string, unknown> = { ...json };
  for (const [from, to] of names) {
    words[to] = agreed([to, words[to]], [from, json[from]]);
    delete words[from];
  }
  return words;
}
