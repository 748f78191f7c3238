/** WikiText: its tokens are joined to text, and words and bytes are counted before that (lm-evaluation-harness, tasks/wikitext). */
import { UsageError } from '../../base/errors.ts';
import { bytesOf, wordsOf } from '../metrics/counts.ts';
import type { Row } from '../tasks/task-config.ts';
import type { FilteredAnswers } from './index.ts';

/** White space at the edges of brackets and quotes goes. */
const PAIRS: readonly [RegExp, string][] = [
  [/\(\s*([^)]*?)\s*\)/g, '($1)'],
  [/\[\s*([^\]]*?)\s*\]/g, '[$1]'],
  [/\{\s*([^}]*?)\s*\}/g, '{$1}'],
  [/"\s*([^"]*?)\s*"/g, '"$1"'],
  [/'\s*([^']*?)\s*'/g, "'$1'"],
];

const SEPARATORS: readonly [string, string][] = [
  [' @-@ ', '-'],
  [' @,@ ', ','],
  [' @.@ ', '.'],
  ...[':', ';', '.', '!', '?', ','].map((mark): [string, string] => [` ${mark} `, `${mark} `]),
];

const MISCELLANEOUS: readonly [string, string][] = [
  ['= = = =', '===='],
  ['= = =', '==='],
  ['= =', '=='],
  [' \u00b0 ', '\u00b0'],
  [' \n', '\n'],
  ['\n ', '\n'],
  [' N ', ' 1 '],
  [" 's", "'s"],
];

export function wikitextText(row: Row): string {
  let text = pageOf(row).replaceAll("s '", "s'");
  // The slashes belong to the pattern of the reference, which so finds nothing in usual texts.
  text = text.replace(/\/' [0-9]\//g, "/'[0-9]/");
  for (const [from, to] of SEPARATORS) text = text.replaceAll(from, to);
  for (const [from, to] of PAIRS) text = text.replace(from, to);
  for (const [from, to] of MISCELLANEOUS) text = text.replaceAll(from, to);
  return text;
}

export function wikitextResults(row: Row, answers: FilteredAnswers): Readonly<Record<string, unknown>> {
  const [logProbability] = answers;
  const page = pageOf(row);
  return {
    word_perplexity: [logProbability, wordsOf(page)],
    byte_perplexity: [logProbability, bytesOf(page)],
    bits_per_byte: [logProbability, bytesOf(page)],
  };
}

function pageOf({ page }: Row): string {
  if (typeof page !== 'string') throw new UsageError("WikiText's rows need the text 'page'.");
  return page;
}
