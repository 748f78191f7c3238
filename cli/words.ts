/** Words and positions in the flags of analyses. */
import { InvalidArgumentError } from 'commander';
import type { Prompt, Report } from '../src/node.ts';
import type { InterventionFlags } from './interventions.ts';

export const WORD_ABOUT =
  "A word is one token, given as text with its space, as in ' she', or as an id; a text of digits stands in double quotes, as in '\"7\"'.";

export function wordArgument(text: string): string | number {
  return /^\d+$/.test(text) ? Number(text) : (/^"(\d+)"$/.exec(text)?.[1] ?? text);
}

/** Parses positions: `0,3,-1`. */
export function positionsArgument(text: string): number[] {
  if (!/^\s*-?\d+\s*(,\s*-?\d+\s*)*$/.test(text))
    throw new InvalidArgumentError('Wanted places in the text, as in 0,3,-1; negative ones count from its end.');
  return text.split(',').map(Number);
}

export function positionArgument(text: string): number {
  const [position, ...more] = positionsArgument(text);
  if (position === undefined || more.length > 0)
    throw new InvalidArgumentError('Wanted one place in the text, as in 3 or -1.');
  return position;
}

const LONGEST = 400; // characters of a text that are shown

/** The model, text and interventions of a report. */
export function factsOf(reference: string, prompt: Prompt, { interventions }: InterventionFlags = {}): Report['facts'] {
  const text = typeof prompt === 'string' ? prompt : `ids ${Array.from(prompt).join(', ')}`;
  return [
    ['model', reference],
    ['text', text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text],
    ...(interventions === undefined ? [] : ([['interventions', interventions]] as const)),
  ];
}
