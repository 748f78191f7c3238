/** Interventions as an option of what reads or writes text. */
import type { InterventionsOption } from '../interventions/compile.ts';
import { Interventions } from '../interventions/interventions.ts';
import { ownKind } from '../options/option.ts';

const isOne = (value: unknown): boolean =>
  Array.isArray(value) ||
  value instanceof Interventions ||
  (typeof value === 'object' && value !== null && 'interventions' in value);

/** Whether it fits the model is checked when the model is there. */
export const INTERVENTIONS = ownKind<InterventionsOption>(
  'a list of interventions, or { version: 1, vectors, interventions }',
  isOne,
);
