/** What is steered by: two lists of texts, a layer and a strength. */
import type { InterventionSet } from '../../../../src/web.ts';
import type { Seen } from '../../worker/about.ts';

export const AWAY = [
  'The queen looked at her daughter, and she',
  'The old woman sat by the fire, and she',
  'The girl ran to her mother, and she',
  'The princess was so glad that she',
].join('\n');

export const TOWARDS = [
  'The king looked at his son, and he',
  'The old man sat by the fire, and he',
  'The boy ran to his father, and he',
  'The prince was so glad that he',
].join('\n');

export const STRENGTH = 0.75;

export const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '');

/** The same vectors, `by` times. */
export const steered = (set: InterventionSet, by: number): InterventionSet => ({
  ...set,
  interventions: set.interventions.map((one) => ({ ...one, by }) as typeof one),
});

export const middleOf = ({ layers }: Seen): number => Math.ceil((layers - 1) / 2);

export const siteAfter = (layer: number, { layers }: Seen): string =>
  `blocks.${Math.max(0, Math.min(Math.floor(layer), layers - 1))}.residPost`;
