/** The words of the vocabulary that are most alike to given ones (visualize_sim.py of arXiv 2305.16765). */
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import type { WordOption } from '../words.ts';
import { checkSenses } from './lookup.ts';
import { SIMILARITY, similarity } from './similarity.ts';
import { pieceOf, type SenseSource, sensePieces, WATCHED, wordIds } from './source.ts';
import { rowOf } from './vectors.ts';
import { PIECES, wordVectors } from './word-vectors.ts';

export interface Neighbour {
  readonly id: number;
  readonly text: string;
  readonly similarity: number;
}

export interface Nearest {
  readonly word: WordOption;
  readonly ids: readonly number[];
  /** Most alike first; without the word itself. */
  readonly nearest: readonly Neighbour[];
}

export const NEAREST_OPTIONS = {
  ...WATCHED,
  by: SIMILARITY,
  top: option(kinds.fromOne, 'how many words', 10),
  pieces: PIECES,
};

export interface NearestOptions extends OptionsOf<typeof NEAREST_OPTIONS> {}

/** One sweep over the vocabulary for all words; the senses of some hundred tokens are in memory at a time. */
export async function nearestWords(
  source: SenseSource,
  words: readonly WordOption[],
  options: NearestOptions = {},
): Promise<Nearest[]> {
  const { by, top, pieces, signal, onProgress } = checkOptions('nearest', options, NEAREST_OPTIONS);
  if (typeof by === 'number') checkSenses(source.senseCount, [by]);
  const { senseCount } = source;
  const width = senseCount * source.facts.dModel;
  const asked = [];
  for (const word of words) asked.push({ ...(await wordVectors(source, word, pieces)), best: [] as Neighbour[] });
  for await (const { ids, vectors } of sensePieces(source, wordIds(source), { signal, onProgress })) {
    for (const [i, id] of ids.entries()) {
      const other = rowOf(vectors, i, width);
      for (const word of asked) {
        if (word.ids.length === 1 && word.ids[0] === id) continue;
        keep(word.best, { id, text: '', similarity: similarity(word.vectors, other, senseCount, by) }, top);
      }
    }
  }
  return asked.map(({ word, ids, best }) => ({
    word,
    ids,
    nearest: best.map((one) => ({ ...one, text: pieceOf(source, one.id) })),
  }));
}

/** Puts one into a list of the `most` best, in its place; of equals the earlier stays before. */
function keep(best: Neighbour[], one: Neighbour, most: number): void {
  if (best.length === most && one.similarity <= (best.at(-1)?.similarity ?? Number.NEGATIVE_INFINITY)) return;
  const after = best.findIndex(({ similarity }) => similarity < one.similarity);
  best.splice(after < 0 ? best.length : after, 0, one);
  if (best.length > most) best.pop();
}
