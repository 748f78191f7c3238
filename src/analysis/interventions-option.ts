/** The option `interventions` of analyses: what is changed inside of the model while it is analysed. */
import type { InterventionsOption } from '../interventions/compile.ts';
import { ownKind } from '../options/option.ts';

/** Checks only the kind of the value; the model is checked against it when it reads. */
export const INTERVENTIONS_OPTION = ownKind<InterventionsOption>(
  'a list of interventions, or { version: 1, vectors, interventions }',
  (value) => typeof value === 'object' && value !== null,
);
