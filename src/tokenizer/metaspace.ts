/**
 * Metaspace of sentencepiece: spaces become the character ▁, one is added before a text, and words begin with it. Files from before 2024
 * have add_prefix_space instead of prepend_scheme.
 */
import { at, flagAt, isAbsent, type Place, textAt, wrong } from './json.ts';
import { escaped, matcherOf } from './pattern.ts';
import { splitter } from './split.ts';

export interface Metaspace {
  readonly replacement: string;
  readonly prependScheme: 'always' | 'first' | 'never';
  pieces(text: string, isFirst: boolean): string[];
}

export function readMetaspace(part: Place): Metaspace {
  const replacement = textAt(at(part, 'replacement'));
  if (Array.from(replacement).length !== 1) throw wrong(at(part, 'replacement'), 'one character');
  const prependScheme = readScheme(part);
  const split = splitter(matcherOf(new RegExp(escaped(replacement), 'gu')), 'MergedWithNext');
  const isSplit = flagAt(at(part, 'split'), true);
  return {
    replacement,
    prependScheme,
    pieces: (text, isFirst) => {
      const spaced = text.replaceAll(' ', () => replacement);
      const prepends = prependScheme === 'always' || (prependScheme === 'first' && isFirst);
      const whole = prepends && !spaced.startsWith(replacement) ? replacement + spaced : spaced;
      return isSplit ? split(whole) : [whole];
    },
  };
}

function readScheme(part: Place): Metaspace['prependScheme'] {
  const scheme = at(part, 'prepend_scheme');
  const old = at(part, 'add_prefix_space');
  if (isAbsent(scheme)) return flagAt(old, true) ? 'always' : 'never';
  const { value } = scheme;
  if (value !== 'always' && value !== 'first' && value !== 'never') throw wrong(scheme, "'always', 'first' or 'never'");
  if (!flagAt(old, true) && value !== 'never') throw wrong(old, `true, as prepend_scheme is '${value}'`);
  return value;
}
