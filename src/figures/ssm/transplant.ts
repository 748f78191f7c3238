/** Pictures of what a recurrent state knows. */
import type { StatePrediction, Transplant } from '../../analysis/ssm/transplant.ts';
import type { Facts } from '../experts/load.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf, percent } from '../numbers.ts';
import { rounded } from '../rounded.ts';

const NAMES: Readonly<Record<StatePrediction['state'], string>> = {
  own: 'own state',
  empty: 'empty state',
  other: 'state of the other text',
};

export function transplantReport({ predictions, at, tokens, layers }: Transplant, facts: Facts): Report {
  const place = tokens[at];
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'What comes next, with another state',
      about: `The state is changed before token ${at}${place ? `, ${labelOf(place)},` : ''} is read. KL: divergence of the prediction with the own state from this one, in nats.`,
      columns: ['state', 'KL', 'likeliest next words'],
      rows: predictions.map(({ state, klFromOwn, top }) => [
        NAMES[state],
        rounded(klFromOwn, 3),
        top.map((word) => `${labelOf(word)} ${percent(word.logprob)}`).join('  '),
      ]),
    },
  ];
  return { title: 'What a state knows', facts: [...facts, ['layers', layers.join(', ')]], figures };
}
