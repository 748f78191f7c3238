/** How well similarities of senses agree with those that people gave (arXiv 2305.16765, table 4): Spearman's correlation over all pairs. */
import { checkOptions } from '../../options/check.ts';
import type { OptionsOf } from '../../options/option.ts';
import { spearman } from './rank-correlation.ts';
import { type Similarities, similarities } from './similarity.ts';
import { type SenseSource, WATCHED } from './source.ts';
import { encodeWord } from './word.ts';
import type { WordPair } from './word-pairs.ts';
import { PIECES, wordVectors } from './word-vectors.ts';

export interface PairScores {
  readonly pairs: number;
  /** Words that are more than one token. */
  readonly severalTokens: number;
  /** Of each sense, [Z], then of the other similarity functions. NaN where all similarities are equal. */
  readonly senses: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly minAny: number;
  readonly maxAny: number;
  readonly flat: number;
}

export const PAIR_OPTIONS = { ...WATCHED, pieces: PIECES };

export interface PairOptions extends OptionsOf<typeof PAIR_OPTIONS> {}

export async function scorePairs(
  source: SenseSource,
  pairs: readonly WordPair[],
  options: PairOptions = {},
): Promise<PairScores> {
  const { pieces, signal, onProgress } = checkOptions('scorePairs', options, PAIR_OPTIONS);
  const words = new Set(pairs.flatMap(({ words }) => words));
  for (const word of words) encodeWord(source, word); // throws before anything is computed
  const people = pairs.map(({ score }) => score);
  const ours: Similarities[] = [];
  let severalTokens = 0;
  for (const word of words) if (encodeWord(source, word).ids.length > 1) severalTokens++;
  for (const { words } of pairs) {
    signal?.throwIfAborted();
    const [a, b] = [await wordVectors(source, words[0], pieces), await wordVectors(source, words[1], pieces)];
    ours.push(similarities(a.vectors, b.vectors, source.senseCount));
    onProgress?.({ done: ours.length, total: pairs.length });
  }
  const agreement = (of: (found: Similarities) => number) => spearman(ours.map(of), people);
  return {
    pairs: pairs.length,
    severalTokens,
    senses: Array.from({ length: source.senseCount }, (_, l) => agreement(({ senses }) => senses[l] as number)),
    min: agreement(({ min }) => min),
    max: agreement(({ max }) => max),
    minAny: agreement(({ minAny }) => minAny),
    maxAny: agreement(({ maxAny }) => maxAny),
    flat: agreement(({ flat }) => flat),
  };
}
