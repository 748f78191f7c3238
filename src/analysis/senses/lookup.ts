/**
 * What each sense of a word predicts and what it refuses (arXiv 2305.16765, section 4.1; visualize_vocab.py of its code): scores E C(x)_l of
 * all tokens, without softmax and without the factor of the weighted sum.
 */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kind, kinds, type OptionsOf, option } from '../../options/option.ts';
import type { WordOption } from '../words.ts';
import { pieceOf, type SenseSource, textIds } from './source.ts';
import { AS_IS, encodeWord } from './word.ts';

export interface ScoredPiece {
  readonly id: number;
  readonly text: string;
  readonly logit: number;
}

export interface SenseReading {
  readonly sense: number;
  /** Highest logits first. */
  readonly top: readonly ScoredPiece[];
  /** Lowest first. */
  readonly bottom: readonly ScoredPiece[];
}

export interface Lookup {
  readonly word: WordOption;
  /** Tokens of the word; the senses are those of the first. */
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  /** The token whose senses these are. */
  readonly id: number;
  readonly senses: readonly SenseReading[];
}

export const LOOKUP_OPTIONS = {
  top: option(kinds.fromOne, 'tokens listed at each end', 10),
  senses: option(kind('a list of senses', kinds.ids), 'numbers of senses, from 0 on (default: all)'),
  piece: option(kinds.fromZero, 'which token of a word that has several, from 0 on', 0),
  asIs: AS_IS,
  signal: kinds.signal,
};

export interface LookupOptions extends OptionsOf<typeof LOOKUP_OPTIONS> {}

/** Throws UsageError on a sense or a piece that the word does not have. */
export async function lookUp(source: SenseSource, word: WordOption, options: LookupOptions = {}): Promise<Lookup> {
  const { top, piece, asIs, signal, senses: chosenSenses } = checkOptions('lookup', options, LOOKUP_OPTIONS);
  const { ids, pieces } = encodeWord(source, word, { asIs });
  const id = ids[piece];
  if (id === undefined) throw new UsageError(`'${word}' has ${ids.length} tokens, wanted a piece below that.`);
  const wanted = chosenSenses ?? Array.from({ length: source.senseCount }, (_, sense) => sense);
  checkSenses(source.senseCount, wanted);
  const width = source.facts.dModel;
  const vectors = await source.senseVectors([id]); // [1, Z, M]
  const chosen = new Float32Array(wanted.length * width);
  for (const [i, sense] of wanted.entries())
    chosen.set(vectors.subarray(sense * width, (sense + 1) * width), i * width);
  const shown = textIds(source);
  const { vocabSize } = source.facts;
  const senses: SenseReading[] = [];
  const visit = (first: number, logits: Float32Array) => {
    for (let i = 0; i * vocabSize < logits.length; i++) {
      const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
      const ends = endsOf(row, shown, top);
      const named = (id: number): ScoredPiece => ({ id, text: pieceOf(source, id), logit: row[id] as number });
      senses.push({
        sense: wanted[first + i] as number,
        top: ends.top.map(named),
        bottom: ends.bottom.map(named),
      });
    }
  };
  await source.unembed(chosen, visit, { signal });
  return { word, ids, pieces, id, senses };
}

/** Throws UsageError on a sense that does not exist. */
export function checkSenses(count: number, senses: readonly number[]): void {
  for (const sense of senses)
    if (!Number.isInteger(sense) || sense < 0 || sense >= count)
      throw new UsageError(`sense ${sense} does not exist: this model has senses 0 to ${count - 1}.`);
}

/** Ids with the highest values, highest first, and with the lowest, lowest first; of equal values the lower id comes first. */
function endsOf(values: Float32Array, ids: readonly number[], count: number): { top: number[]; bottom: number[] } {
  const order = [...ids].sort((a, b) => (values[b] as number) - (values[a] as number) || a - b);
  const rising = [...order.slice(Math.max(0, order.length - count))].sort(
    (a, b) => (values[a] as number) - (values[b] as number) || a - b,
  );
  return { top: order.slice(0, count), bottom: rising };
}
