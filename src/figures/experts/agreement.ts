/** Pictures of how far two texts, or two models, use the same experts. */
import type { LoadAgreement, RoutingAgreement } from '../../analysis/experts/agreement.ts';
import type { Figure, Report } from '../figure.ts';
import { percent, rounded } from '../rounded.ts';
import { expertAxis, type Facts, layerAxis } from './load.ts';

export function textsReport(layers: readonly LoadAgreement[], facts: Facts): Report {
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Experts of two texts',
      about:
        'In common: the part of the load that both texts have, 100% when they use experts equally often. Divergence: of Jensen and Shannon, in bits from 0 to 1.',
      columns: ['layer', 'in common', 'divergence', 'used more by the second', 'used less'],
      rows: layers.map(({ layer, overlap, divergence, change }) => {
        const sorted = change.map((by, expert) => ({ by, expert })).sort((a, b) => b.by - a.by);
        return [
          layer,
          percent(overlap),
          rounded(divergence, 3),
          told(sorted.slice(0, 3)),
          told(sorted.slice(-3).reverse()),
        ];
      }),
    },
    {
      kind: 'heatmap',
      title: 'Change of the load, from the first text to the second',
      about: 'Share of the load of each expert in the second text, less that in the first.',
      x: expertAxis(layers[0]?.change.length ?? 0),
      y: layerAxis(layers.map(({ layer }) => layer)),
      measure: 'change of share',
      values: layers.map(({ change }) => change),
      colours: 'diverging',
    },
  ];
  return { title: 'Experts of two texts', facts, figures };
}

const told = (some: readonly { readonly expert: number; readonly by: number }[]): string =>
  some.map(({ expert, by }) => `${expert} ${by > 0 ? '+' : ''}${percent(by)}`).join(', ');

export function modelsReport({ tokens, layers }: RoutingAgreement, facts: Facts): Report {
  const places = layerAxis(layers.map(({ layer }) => layer));
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Experts of two models',
      about:
        "Same: mean share of a token's experts that both models choose. Best, all: share of tokens whose best expert, or whose experts are all the same. Distance: of the gates, from 0 to 1.",
      columns: ['layer', 'same', 'best', 'all', 'distance of gates'],
      rows: layers.map((one) => [
        one.layer,
        percent(one.same),
        percent(one.sameBest),
        percent(one.sameAll),
        rounded(one.gateDistance, 3),
      ]),
    },
    {
      kind: 'lines',
      title: 'Agreement by layer',
      places,
      measure: 'share',
      series: [
        { name: 'same experts', values: layers.map(({ same }) => same) },
        { name: 'same best expert', values: layers.map(({ sameBest }) => sameBest) },
        { name: 'all experts the same', values: layers.map(({ sameAll }) => sameAll) },
      ],
    },
  ];
  return { title: 'Experts of two models', facts: [...facts, ['tokens', String(tokens)]], figures };
}
