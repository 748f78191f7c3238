/**
 * BLEU of a corpus (Papineni et al. 2002) as sacrebleu 2 computes it by default: runs of up to four words, words as mteval-v13a cuts them,
 * counts of zero halved again and again ("exp" smoothing).
 */

import { stripEnd } from '../../tasks/python-methods.ts';
import { exp, log } from '../exact-math.ts';
import { columnSums, common, countOf, ngrams, splitWords } from './ngrams.ts';

const LONGEST = 4;

/** What a zero precision counts for as a logarithm. */
const LOG_OF_ZERO = -9999999999;

const ENTITIES: readonly (readonly [string, string])[] = [
  ['&quot;', '"'],
  ['&amp;', '&'],
  ['&lt;', '<'],
  ['&gt;', '>'],
];

function wordsOf(text: string): string[] {
  let line = stripEnd(text).replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
  for (const [entity, character] of ENTITIES) line = line.replaceAll(entity, character);
  const cut = ` ${line} `
    .replace(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
    .replace(/([^0-9])([.,])/gu, '$1 $2 ')
    .replace(/([.,])([^0-9])/gu, ' $1 $2')
    .replace(/([0-9])(-)/gu, '$1 $2 ');
  return splitWords(cut);
}

/** Lengths in words of text and reference, then for each length of run: how many are right, and how many there are. */
export function bleuCounts(wanted: string, given: string): number[] {
  const [reference, words] = [wordsOf(wanted), wordsOf(given)];
  const lengths = Array.from({ length: LONGEST }, (_, i) => i + 1);
  const own = lengths.map((length) => ngrams(words, length));
  const right = own.map((counts, i) => common(counts, ngrams(reference, i + 1)));
  return [words.length, reference.length, ...right, ...own.map(countOf)];
}

/** From 0 to 100. */
export function bleuScore(rows: readonly (readonly number[])[]): number {
  const [length = 0, wanted = 0, ...counts] = columnSums(rows);
  const [right, all] = [counts.slice(0, LONGEST), counts.slice(LONGEST)];
  if (!right.some((count) => count > 0)) return 0;
  const brevity = length >= wanted ? 1 : length > 0 ? exp(1 - wanted / length) : 0;
  const precisions = new Array<number>(LONGEST).fill(0);
  let smoothing = 1;
  for (let i = 0; i < LONGEST && all[i] !== 0; i++) {
    if (right[i] === 0) smoothing *= 2;
    precisions[i] =
      right[i] === 0 ? 100 / (smoothing * (all[i] as number)) : (100 * (right[i] as number)) / (all[i] as number);
  }
  const logs = precisions.map((precision) => (precision === 0 ? LOG_OF_ZERO : log(precision)));
  return brevity * exp(logs.reduce((total, one) => total + one, 0) / LONGEST);
}
