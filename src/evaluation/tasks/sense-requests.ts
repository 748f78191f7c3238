/** Requests about senses: of two words, and of a word in sentences. */
import { quote, UsageError } from '../../base/errors.ts';
import type { SenseRequest } from '../requests.ts';
import type { Row } from './task-config.ts';

/** `choices`: the two words. */
export function wordPairRequest(choices: readonly string[] | undefined): SenseRequest {
  const [a, b, ...more] = choices ?? [];
  if (a === undefined || b === undefined || more.length > 0)
    throw new UsageError(`doc_to_choice gave ${quote(choices)}, wanted two words.`);
  return { kind: 'wordPair', words: [a, b] };
}

/** The prompts on which ratios are measured, then those on which factors are fitted. */
export function leaningsRequest(row: Row): SenseRequest {
  const { word, pair } = row;
  const [prompts, fitPrompts] = [textsOf(row, 'prompts'), textsOf(row, 'fitPrompts')];
  const [one, other, ...more] = textsOf(row, 'pair');
  if (typeof word !== 'string') throw new UsageError(`the column 'word' is ${quote(word)}, wanted a text.`);
  if (one === undefined || other === undefined || more.length > 0)
    throw new UsageError(`the column 'pair' is ${quote(pair)}, wanted two words.`);
  return { kind: 'leanings', word, prompts: [...prompts, ...fitPrompts], pair: [one, other] };
}

/** How many of a row's prompts are those on which ratios are measured. */
export const measuredPrompts = (row: Row): number => textsOf(row, 'prompts').length;

function textsOf(row: Row, column: string): readonly string[] {
  const value = row[column];
  if (Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'string')) return value;
  throw new UsageError(`the column '${column}' is ${quote(value)}, wanted a list of texts.`);
}
