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

/** Texts cannot share when the interventions depend on where a text ends, or call a function. */
export function sharingUnder(engine: Engine, shares: boolean, option: InterventionsOption | undefined): Sharing {
  const changes = option && compile(option, targetOf(engine.model));
  if (!changes || changes.isEmpty) return { shares, interventionsOf: () => undefined };
  const of = (promptLength: number) => sequenceOf(changes, { promptLength });
  const tracesOf = (promptLength: number) => provenance(of(promptLength)?.traces(0, Number.POSITIVE_INFINITY) ?? []);
  const isSame = tracesOf(1) === tracesOf(1000);
  const always = of(1);
  return shares && isSame ? { shares, interventionsOf: () => always } : { shares: false, interventionsOf: of };
}
