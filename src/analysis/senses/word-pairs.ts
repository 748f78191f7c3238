/**
 * Files of word pairs with the similarity that people gave them, in the published formats: SimLex-999.txt (tabs, a header, the score in column
 * 4), SimVerb-3500.txt (tabs, no header, column 4), RG65.csv (semicolons, no header, column 3) and WS353.csv (commas, a header, column 3).
 */
import { UsageError } from '../../base/errors.ts';

export interface WordPair {
  readonly words: readonly [string, string];
  readonly score: number;
}

const SEPARATORS = ['\t', ';', ','] as const;

/** Columns of the score, from 0: after the words, or after their part of speech. */
const SCORE_COLUMNS = [2, 3] as const;

/** Pairs in the order of the file. Throws UsageError on a line that is none of these, with its number. */
export function readWordPairs(text: string, from = 'the file'): WordPair[] {
  const lines = text.split(/\r?\n/).map((line, i) => ({ line, number: i + 1 }));
  const filled = lines.filter(({ line }) => line.trim() !== '');
  const separator = SEPARATORS.find((one) => filled[0]?.line.includes(one));
  if (separator === undefined)
    throw new UsageError(
      `${from} has no word pairs; wanted two words and a score on each line, divided by tabs, semicolons or commas.`,
    );
  const rows = filled.map(({ line, number }) => ({ cells: line.split(separator).map((cell) => cell.trim()), number }));
  // The last row tells: the first may be a header.
  const column = SCORE_COLUMNS.find((at) => isNumber(rows.at(-1)?.cells[at]));
  if (column === undefined)
    throw new UsageError(`${from} has no score in column 3 or 4 of line ${rows.at(-1)?.number}: wanted a number.`);
  const body = isNumber(rows[0]?.cells[column]) ? rows : rows.slice(1);
  return body.map(({ cells, number }) => {
    const [first = '', second = ''] = cells;
    const score = cells[column];
    if (first === '' || second === '' || !isNumber(score))
      throw new UsageError(`line ${number} of ${from} is '${cells.join(separator)}'; wanted two words and a score.`);
    return { words: [first, second], score: Number(score) };
  });
}

const isNumber = (text: string | undefined): boolean =>
  text !== undefined && text !== '' && Number.isFinite(Number(text));
