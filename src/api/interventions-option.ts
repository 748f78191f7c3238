/** The option `interventions`, shared by all functions that read or write text. */
import type { InterventionsOption } from '../interventions/compile.ts';
import { Interventions } from '../interventions/interventions.ts';
import { ownKind } from '../options/option.ts';

const isOne = (value: unknown): boolean =>
  Array.isArray(value) ||
  value instanceof Interventions ||
  (typeof value === 'object' && value !== null && 'interventions' in value);

/** Checks only the kind of the value; the model is checked against it later. */
export const INTERVENTIONS = ownKind<InterventionsOption>(
  'a list of interventions, or { version: 1, vectors, interventions }',
  isOne,
);
