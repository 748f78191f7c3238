/** Is a text exactly the wanted one, after what is to be ignored is taken from both (lm_eval/api/metrics.py, exact_match_hf_evaluate)? */
import { UsageError } from '../../base/errors.ts';
import { pythonRegex } from '../tasks/python-regex.ts';

const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const DIGITS = /[0-9]/g;

export const EXACT_MATCH_OPTIONS = ['regexes_to_ignore', 'ignore_case', 'ignore_punctuation', 'ignore_numbers'];

export function exactMatch(prediction: string, wanted: string, options: Readonly<Record<string, unknown>>): boolean {
  return kept(prediction, options) === kept(wanted, options);
}

function kept(text: string, options: Readonly<Record<string, unknown>>): string {
  const regexes = options.regexes_to_ignore ?? [];
  if (!Array.isArray(regexes)) throw new UsageError('regexes_to_ignore of exact_match: wanted a list of texts.');
  let left = text;
  for (const regex of regexes) left = left.replace(pythonRegex(String(regex)), '');
  if (options.ignore_case === true) left = left.toLowerCase();
  if (options.ignore_punctuation === true) left = left.replace(PUNCTUATION, '');
  if (options.ignore_numbers === true) left = left.replace(DIGITS, '');
  return left;
}
