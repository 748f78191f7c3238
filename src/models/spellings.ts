/** Reads keys of a config.json that have two names. */
import { CheckpointError, quote } from '../base/errors.ts';
import type { JsonObject } from './config.ts';

export const isSet = (value: unknown): boolean => value !== undefined && value !== null;

type Named = readonly [name: string, value: unknown];

/** The value under the first of two names, or else under the second. `auto` counts as unset. */
export const firstOf = ([, value]: Named, [, second]: Named): unknown =>
  isSet(value) && !(value === 'auto' && isSet(second)) ? value : (second ?? value);

/** As `firstOf`, but throws when the two have different values. */
export function agreed([to, value]: Named, [from, second]: Named): unknown {
  if (!isSet(second) || second === value || (second === 'auto' && isSet(value))) return value;
  if (!isSet(value) || value === 'auto') return second;
  throw new CheckpointError(
    `config.json has '${to}': ${quote(value)} and '${from}': ${quote(second)}, which are two names of one thing: remove the wrong one.`,
  );
}

/** Moves values from second names to first names. `names`: [second, first] */
export function withFirstNames(
  json: JsonObject,
  names: readonly (readonly [string, string])[],
  choose: (first: Named, second: Named) => unknown = agreed,
): JsonObject {
  const words: Record<string, unknown> = { ...json };
  for (const [from, to] of names) {
    words[to] = choose([to, words[to]], [from, json[from]]);
    delete words[from];
  }
  return words;
}
