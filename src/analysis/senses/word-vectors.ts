/** Sense vectors of words that may be several tokens (run_simlex.py of arXiv 2305.16765): each sense averaged over them, or those of the first. */
import { oneOf, option } from '../../options/option.ts';
import type { WordOption } from '../words.ts';
import { type SenseSource, sensePieces } from './source.ts';
import { rowOf } from './vectors.ts';
import { encodeWord } from './word.ts';

export const PIECE_CHOICES = ['average', 'first'] as const;

/** Which of a word's tokens count. */
export type Pieces = (typeof PIECE_CHOICES)[number];

export const PIECES = option(
  oneOf<Pieces>(PIECE_CHOICES),
  'senses of words of several tokens: their average, or those of the first',
  'average',
);

export interface WordVectors {
  readonly word: WordOption;
  readonly ids: readonly number[];
  /** [Z, M] */
  readonly vectors: Float32Array;
}

export async function wordVectors(
  source: SenseSource,
  word: WordOption,
  pieces: Pieces = 'average',
): Promise<WordVectors> {
  const { ids } = encodeWord(source, word);
  const vectors = (await vectorsOfWords(source, [word], { pieces })).get(word) as Float32Array;
  return { word, ids, vectors };
}

/** Sense vectors [Z, M] of some words; each token is computed once, many at a time. */
export async function vectorsOfWords(
  source: SenseSource,
  words: Iterable<WordOption>,
  { pieces, signal }: { readonly pieces: Pieces; readonly signal?: AbortSignal | undefined },
): Promise<Map<WordOption, Float32Array>> {
  const width = source.senseCount * source.facts.dModel;
  const idsOf = new Map<WordOption, readonly number[]>();
  for (const word of words) {
    const { ids } = encodeWord(source, word);
    idsOf.set(word, pieces === 'first' ? ids.slice(0, 1) : ids);
  }
  const known = new Map<number, Float32Array>();
  for await (const { ids, vectors } of sensePieces(source, new Set([...idsOf.values()].flat()), { signal }))
    for (const [i, id] of ids.entries()) known.set(id, rowOf(vectors, i, width));
  return new Map(
    [...idsOf].map(([word, ids]) => [word, average(ids.map((id) => known.get(id) as Float32Array))] as const),
  );
}

/** The mean of vectors. */
function average(vectors: readonly Float32Array[]): Float32Array {
  const [first, ...others] = vectors as [Float32Array, ...Float32Array[]];
  if (others.length === 0) return first;
  return first.map((x, i) => others.reduce((sum, other) => sum + (other[i] as number), x) / vectors.length);
}
