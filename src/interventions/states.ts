/** Interventions on recurrent states. */
import { UsageError } from '../base/errors.ts';
import { show, size } from '../base/tensor.ts';
import type { Source, StateEdit } from './edit.ts';
import type { StateIntervention } from './intervention.ts';
import { matching } from './names.ts';
import type { InterventionTarget } from './target.ts';
import { numbersOf, type VectorStore } from './vectors.ts';

export function stateEdits(
  one: StateIntervention,
  source: Source,
  vectors: VectorStore,
  target: InterventionTarget,
): StateEdit[] {
  const { name } = source;
  const fixed = target.state.filter(({ grows }) => !grows);
  if (fixed.length === 0)
    throw new UsageError(
      `${name} changes a recurrent state, and this model has none: it keeps keys and values of every token.`,
    );
  const { contextLength } = target.facts;
  if (contextLength !== undefined && one.at >= contextLength)
    throw new UsageError(`${name}: position ${one.at} is never read: this model reads ${contextLength} tokens.`);
  return matching(
    one.state,
    fixed.map((tensor) => tensor.name),
    'recurrent state',
    name,
  ).map((state) => {
    const { shape } = fixed.find((tensor) => tensor.name === state) as (typeof fixed)[number];
    const { at, scale = 1, reset } = one;
    if (one.set === undefined) return { source, state, at, shape, scale: reset ? 0 : scale, set: undefined };
    const { data, about, shape: came } = numbersOf(one.set, vectors, state, name);
    if (data.length !== size(shape))
      throw new UsageError(
        `${name}: ${about} has ${data.length} numbers ${show(came)}, wanted ${show(shape)} for '${state}'.`,
      );
    return { source, state, at, shape, scale: 1, set: data };
  });
}
