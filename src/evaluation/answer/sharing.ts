/** Which texts may share what was read, when interventions change the model. */
import { compile, type InterventionsOption } from '../../interventions/compile.ts';
import { provenance } from '../../interventions/provenance.ts';
import { type SequenceInterventions, sequenceOf } from '../../interventions/sequence.ts';
import type { Engine } from '../../runtime/engine.ts';
import { targetOf } from '../../runtime/site-shapes.ts';

export interface Sharing {
  readonly shares: boolean;
  /** The interventions on a text with so many tokens. */
  interventionsOf(tokens: number): SequenceInterventions | undefined;
}

/** Tells interventions apart: equal for the same ones with the same vectors, empty for none. */
export function interventionsKey(engine: Engine, option: InterventionsOption | undefined): string {
  const changes = option && compile(option, targetOf(engine.model));
  const traces = changes && sequenceOf(changes, { promptLength: LONG })?.traces(0, Number.POSITIVE_INFINITY);
  return provenance(traces ?? []);
}

/** As long as texts may be, so that counting from the end comes to other places than in a short one. */
const LONG = 1000;

/** Texts cannot share when the interventions depend on where a text ends, or call a function. */
export function sharingUnder(engine: Engine, shares: boolean, option: InterventionsOption | undefined): Sharing {
  const changes = option && compile(option, targetOf(engine.model));
  if (!changes || changes.isEmpty) return { shares, interventionsOf: () => undefined };
  const of = (promptLength: number) => sequenceOf(changes, { promptLength });
  const tracesOf = (promptLength: number) => provenance(of(promptLength)?.traces(0, Number.POSITIVE_INFINITY) ?? []);
  const isSame = tracesOf(1) === tracesOf(LONG);
  const always = of(1);
  return shares && isSame ? { shares, interventionsOf: () => always } : { shares: false, interventionsOf: of };
}
