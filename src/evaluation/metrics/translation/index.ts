/** Metrics of generated texts against one wanted text each, which count over the whole corpus, as sacrebleu 2 has them. */
import { bleuCounts, bleuScore } from './bleu.ts';
import { chrfCounts, chrfScore } from './chrf.ts';
import { terCounts, terScore } from './ter.ts';

/** What was wanted, and what came. */
export type TextPair = readonly [wanted: string, given: string];

/** Counts are kept, since the bootstrap draws the same pairs again and again. */
function corpus(
  counts: (wanted: string, given: string) => number[],
  score: (rows: readonly (readonly number[])[]) => number,
): (values: readonly TextPair[]) => number {
  const known = new WeakMap<TextPair, number[]>();
  const rowOf = (pair: TextPair): number[] => {
    const row = known.get(pair) ?? counts(...pair);
    known.set(pair, row);
    return row;
  };
  return (values) => score(values.map(rowOf));
}

export const TRANSLATION: Readonly<Record<string, (values: readonly TextPair[]) => number>> = {
  bleu: corpus(bleuCounts, bleuScore),
  chrf: corpus((wanted, given) => chrfCounts(wanted, given, 0), chrfScore),
  'chrf++': corpus((wanted, given) => chrfCounts(wanted, given, 2), chrfScore),
  ter: corpus(terCounts, terScore),
};
