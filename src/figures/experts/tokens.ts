/** Pictures of which tokens go to which experts. */
import type { ExpertTokens, TokenExperts } from '../../analysis/experts/tokens.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf } from '../numbers.ts';
import { percent, rounded } from '../rounded.ts';
import { type Facts, layerAxis } from './load.ts';

export function tokensReport({ layers, tokens }: ExpertTokens, facts: Facts): Report {
  const rows = layers.flatMap(({ layer, experts }) =>
    experts.map((one) => [
      layer,
      one.expert,
      percent(one.share),
      one.tokens.map((token) => `${labelOf(token)} ${token.count}/${token.occurrences}`).join('  '),
    ]),
  );
  const all = layers.flatMap(({ layer, experts }) =>
    experts.flatMap(({ expert, tokens }) =>
      tokens.map((token) => [
        layer,
        expert,
        labelOf(token),
        token.count,
        token.occurrences,
        rounded(token.gate, 3),
        rounded(token.lift, 3),
      ]),
    ),
  );
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Tokens of each expert',
      about: 'Of each token: how often it went to this expert, and how often it stands in the text.',
      columns: ['layer', 'expert', 'share', 'tokens'],
      rows,
    },
  ];
  const details: Figure = {
    kind: 'table',
    title: 'The same in numbers',
    about:
      'Gate: mean weight of the expert for this token. Lift: how many times as often this token goes there as a token does in general.',
    columns: ['layer', 'expert', 'token', 'went there', 'in the text', 'gate', 'lift'],
    rows: all,
  };
  return {
    title: 'Tokens of each expert',
    facts: [...facts, ['tokens', String(tokens)]],
    figures: [...figures, details],
  };
}

export function routeReport({ layers, tokens }: TokenExperts, facts: Facts): Report {
  const best = tokens.map(({ chosen }) => chosen.map(([first]) => first?.expert ?? null));
  const words = tokens.map(({ chosen }) => chosen.map(experts));
  const ticks = tokens.map(labelOf);
  const figures: Figure[] = [
    {
      kind: 'heatmap',
      title: 'Best expert of each token',
      about: 'Colours are numbers of experts, and say nothing else. Point at a cell for all experts and their gates.',
      x: layerAxis(layers),
      y: { label: 'token', ticks },
      measure: 'expert',
      values: best,
      texts: best.map((row) => row.map((expert) => String(expert ?? ''))),
      hover: words,
    },
    {
      kind: 'table',
      title: 'Experts of each token',
      about: 'Of each expert its gate; the best comes first.',
      columns: ['', 'token', ...layers.map((layer) => `layer ${layer}`)],
      rows: tokens.map(({ at }, i) => [at, ticks[i] as string, ...(words[i] as string[])]),
    },
  ];
  return { title: 'Experts of each token', facts: [...facts, ['tokens', String(tokens.length)]], figures };
}

const experts = (chosen: TokenExperts['tokens'][number]['chosen'][number]): string =>
  chosen.map(({ expert, gate }) => `${expert} ${gate.toFixed(2)}`).join(', ');
