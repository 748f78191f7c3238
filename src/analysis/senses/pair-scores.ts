/** How well similarities of senses agree with those that people gave (arXiv 2305.16765, table 4): Spearman's correlation over all pairs. */
import { checkOptions } from '../../options/check.ts';
import type { OptionsOf } from '../../options/option.ts';
import { spearman } from './rank-correlation.ts';
import { type Similarities, similarities } from './similarity.ts';
import { breathe, type SenseSource, WATCHED } from './source.ts';
import { encodeWord } from './word.ts';
import type { WordPair } from './word-pairs.ts';
import { PIECES, vectorsOfWords } from './word-vectors.ts';

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

/** Pairs whose words are in memory at a time. */
const AT_ONCE = 256;

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
  for (let first = 0; first < pairs.length; first += AT_ONCE) {
    const some = pairs.slice(first, first + AT_ONCE);
    const vectors = await vectorsOfWords(source, new Set(some.flatMap(({ words }) => words)), { pieces, signal });
    for (const { words } of some) {
      const [a, b] = words.map((word) => vectors.get(word)) as [Float32Array, Float32Array];
      ours.push(similarities(a, b, source.senseCount));
    }
    onProgress?.({ done: ours.length, total: pairs.length });
    await breathe();
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
