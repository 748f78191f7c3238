/** WinoGrande: each option fills the gap, and the rest of the sentence is scored (arXiv 1806.02847; lm-evaluation-harness, tasks/winogrande). */
import { quote, UsageError } from '../../base/errors.ts';
import { strip } from '../tasks/python-methods.ts';
import type { Row } from '../tasks/task-config.ts';

export function winograndeRight({ answer }: Row): number {
  if (answer !== '1' && answer !== '2')
    throw new UsageError(`WinoGrande's rows need 'answer': it came as ${quote(answer)}, wanted "1" or "2".`);
  return Number(answer) - 1;
}

export function winograndeRest(row: Row): string {
  const { sentence, gap } = sentenceOf(row);
  return strip(sentence.slice(gap + 1));
}

export function winograndeInputs(row: Row): string[] {
  const { sentence, gap } = sentenceOf(row);
  return [row.option1, row.option2].map((option) => sentence.slice(0, gap) + String(option));
}

function sentenceOf({ sentence }: Row): { readonly sentence: string; readonly gap: number } {
  const gap = typeof sentence === 'string' ? sentence.indexOf('_') : -1;
  if (typeof sentence !== 'string' || gap < 0)
    throw new UsageError(`WinoGrande's rows need 'sentence' with a gap '_': it came as ${quote(sentence)}.`);
  return { sentence, gap };
}
