/** What interventions are checked against: the values of a model and their sizes, known before its weights are read. */
import type { Shape } from '../base/tensor.ts';
import type { ModelFacts, Site, StateTensor } from '../models/model.ts';
import type { Row } from './vectors.ts';

export interface TargetSite extends Site {
  /** In a pass of one token. */
  readonly shape: Shape;
  /** Are its values whole numbers? */
  readonly integer: boolean;
}

export interface InterventionTarget {
  readonly sites: ReadonlyMap<string, TargetSite>;
  readonly state: readonly StateTensor[];
  readonly facts: ModelFacts;
}

/** Has it a row for each token? */
export const hasRows = ({ axes }: Site): boolean => axes.startsWith('[T');

/** Probabilities [H, T, S] of attention, by head, reading token and read token. */
export const isPattern = ({ axes }: Site): boolean => /^\[\w, T, S\]$/.test(axes);

/** A row of a site that has one for each token. */
export function rowOf({ shape }: TargetSite): Row {
  if (shape.length === 2) return { heads: undefined, columns: shape[1] as number };
  return { heads: shape[1] as number, columns: shape.slice(2).reduce((product, n) => product * n, 1) };
}
