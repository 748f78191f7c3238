/** Sense vectors of words that may be several tokens (run_simlex.py of arXiv 2305.16765): each sense averaged over them, or those of the first. */
import { oneOf, option } from '../../options/option.ts';
import type { WordOption } from '../words.ts';
import type { SenseSource } from './source.ts';
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
  const vectors = await source.senseVectors(pieces === 'first' ? ids.slice(0, 1) : ids); // [n, Z, M]
  return { word, ids, vectors: average(vectors, source.senseCount * source.facts.dModel) };
}

/** The mean of the rows of [n, width]. */
function average(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width;
  if (count === 1) return rows;
  return Float32Array.from({ length: width }, (_, i) => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += rows[row * width + i] as number;
    return sum / count;
  });
}
