/** Which texts may share what was read, when interventions change the model. */
import { compile, type InterventionsOption } from '../../interventions/compile.ts';
import type { Source } from '../../interventions/edit.ts';
import type { Interventions } from '../../interventions/interventions.ts';
import { type SequenceInterventions, sequenceOf } from '../../interventions/sequence.ts';
import { generatedRange, rangesOf } from '../../interventions/where.ts';
import type { Engine } from '../../runtime/engine.ts';
import { targetOf } from '../../runtime/site-shapes.ts';

export interface Sharing {
  readonly shares: boolean;
  /** The interventions on a text with so many tokens. */
  interventionsOf(tokens: number): SequenceInterventions | undefined;
}

/** Tells interventions apart: equal for the same ones with the same vectors, empty for none. */
export function interventionsKey(engine: Engine, option: InterventionsOption | undefined): string {
  if (!option) return '';
  const changes = compile(option, targetOf(engine.model));
  const states = changes.states.map(({ state, at }) => [state, at]);
  return JSON.stringify([sourcesOf(changes).map(({ key, where }) => [key, where]), states]);
}

/** Texts cannot share when interventions depend on where a text ends, or call a function. */
export function sharingUnder(engine: Engine, shares: boolean, option: InterventionsOption | undefined): Sharing {
  const changes = option && compile(option, targetOf(engine.model));
  if (!changes || changes.isEmpty) return { shares, interventionsOf: () => undefined };
  const of = (promptLength: number) => sequenceOf(changes, { promptLength });
  const isAlways = sourcesOf(changes).every(
    (source) => !source.varies && placesOf(source, 1) === placesOf(source, LONG),
  );
  const always = of(1);
  return shares && isAlways ? { shares, interventionsOf: () => always } : { shares: false, interventionsOf: of };
}

/** As long as texts may be: counted from the end, it comes to other places than in a short one. */
const LONG = 1000;

const placesOf = ({ where }: Source, length: number): string =>
  JSON.stringify([rangesOf(where, length), generatedRange(where, length)]);

/** Also those that change no state, but what is predicted. */
const sourcesOf = ({ all, replacements, gains, states }: Interventions): Source[] =>
  [...all.flat(), ...replacements, ...gains, ...states].map(({ source }) => source);
