/** chrF (Popović 2015) and chrF++ (2017) of a corpus as sacrebleu 2 computes them by default: runs of up to six characters, without white space. */
import { columnSums, common, countOf, ngrams, splitWords } from './ngrams.ts';

const LONGEST = 6;

/** How much more recall counts than precision, squared. */
const FACTOR = 2 ** 2;

const PUNCTUATION = /^[!-/:-@[-`{-~]$/;

/** For each length of run: how many there are in the text, in the reference, and in both. `words`: runs of words up to this length count too. */
export function chrfCounts(wanted: string, given: string, words: number): number[] {
  const runs = (text: string) => {
    const characters = [...splitWords(text).join('')];
    const apart = words > 0 ? withoutPunctuation(text) : [];
    return [
      ...Array.from({ length: LONGEST }, (_, i) => ngrams(characters, i + 1, '')),
      ...Array.from({ length: words }, (_, i) => ngrams(apart, i + 1)),
    ];
  };
  const reference = runs(wanted);
  return runs(given).flatMap((own, i) => {
    const other = reference[i] as Map<string, number>;
    return [other.size > 0 ? countOf(own) : 0, countOf(other), common(own, other)];
  });
}

/** Words with one mark at their end, or else at their beginning, cut off. */
function withoutPunctuation(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    const characters = [...word];
    const [first = '', last = ''] = [characters[0], characters.at(-1)];
    if (characters.length === 1) return [word];
    if (PUNCTUATION.test(last)) return [characters.slice(0, -1).join(''), last];
    return PUNCTUATION.test(first) ? [first, characters.slice(1).join('')] : [word];
  });
}

/** From 0 to 100. Runs that one side is too short for do not count. */
export function chrfScore(rows: readonly (readonly number[])[]): number {
  const counts = columnSums(rows);
  let [precision, recall, orders] = [0, 0, 0];
  for (let i = 0; i < counts.length; i += 3) {
    const [given, wanted, both] = counts.slice(i, i + 3) as [number, number, number];
    if (given === 0 || wanted === 0) continue;
    precision += both / given;
    recall += both / wanted;
    orders++;
  }
  if (orders === 0 || precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  return 100 * (((1 + FACTOR) * precision * recall) / (FACTOR * precision + recall));
}
