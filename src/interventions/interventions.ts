/** Interventions that were checked against a model. */

import type { Edit, Gain, Replacement, Source, StateEdit } from './edit.ts';
import type { InterventionTarget } from './target.ts';

export interface Changes {
  readonly edits?: readonly Edit[];
  readonly replacements?: readonly Replacement[];
  readonly gains?: readonly Gain[];
  readonly states?: readonly StateEdit[];
}

/** Interventions that were checked against a model; for as many calls as wanted. */
export class Interventions {
  /** Of each intervention, in order. */
  readonly changes: readonly Changes[];
  /** The model that they were checked against. */
  readonly target: InterventionTarget;
  /** By site, in the order of effect. */
  readonly edits: ReadonlyMap<string, readonly Edit[]>;
  readonly replacements: readonly Replacement[];
  readonly gains: readonly Gain[];
  readonly states: readonly StateEdit[];
  /** All interventions that may affect a state, in order. */
  readonly sources: readonly Source[];
  /** The edits of each intervention, in order. */
  readonly all: readonly (readonly Edit[])[];

  constructor(changes: readonly Changes[], target: InterventionTarget) {
    this.changes = changes;
    this.target = target;
    this.all = changes.map(({ edits = [] }) => edits);
    const edits = new Map<string, Edit[]>();
    for (const edit of this.all.flat()) {
      const before = edits.get(edit.site);
      if (before) before.push(edit);
      else edits.set(edit.site, [edit]);
    }
    this.edits = edits;
    this.replacements = changes.flatMap(({ replacements = [] }) => replacements);
    this.gains = changes.flatMap(({ gains = [] }) => gains);
    this.states = changes.flatMap(({ states = [] }) => states);
    this.sources = [
      ...new Set(
        [...this.all.flat(), ...this.replacements]
          .filter(({ site }) => !isAfterState(site))
          .map(({ source }) => source),
      ),
    ];
  }

  /** These interventions, followed by others. */
  and({ changes }: Interventions): Interventions {
    return new Interventions([...this.changes, ...changes], this.target);
  }

  get isEmpty(): boolean {
    return this.edits.size + this.replacements.length + this.gains.length + this.states.length === 0;
  }
}

/** Changes of these sites do not affect the state of a sequence. Nor do gains, which only change the weights of earlier positions. */
const isAfterState = (site: string) => site === 'hidden' || site === 'logits';
