/** Pictures of what a model loses without single experts. */
import type { ExpertAblation } from '../../analysis/experts/ablation.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf, signed } from '../numbers.ts';
import { expertAxis, type Facts, layerAxis } from './load.ts';

export function expertAblationReport(found: ExpertAblation, facts: Facts): Report {
  const { ablations, baseline, tokens } = found;
  const what = measureOf(found);
  const sorted = [...ablations].sort((a, b) => a.change - b.change);
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Without an expert',
      about: `The ${what}, when experts are switched off and the next best take their places. With all, it is ${baseline.toFixed(4)}. Change below 0: it is lower without them.`,
      columns: ['layers', 'experts', 'tokens', 'value', 'change'],
      rows: sorted.map((one) => [
        one.layers.join(', '),
        one.experts.join(', '),
        one.tokens,
        one.value.toFixed(4),
        signed(one.change),
      ]),
    },
  ];
  const single = ablations.filter(({ layers, experts }) => layers.length === 1 && experts.length === 1);
  const layers = [...new Set(single.map((one) => one.layers[0] as number))];
  const count = single.reduce((most, { experts }) => Math.max(most, (experts[0] as number) + 1), 0);
  const changeOf = (layer: number, expert: number) =>
    single.find((one) => one.layers[0] === layer && one.experts[0] === expert);
  if (single.length > 1)
    figures.push({
      kind: 'heatmap',
      title: 'Change without each expert',
      about: `Of the ${what}.`,
      x: expertAxis(count),
      y: layerAxis(layers),
      measure: 'change',
      values: layers.map((layer) =>
        Array.from({ length: count }, (_, expert) => changeOf(layer, expert)?.change ?? null),
      ),
      hover: layers.map((layer) =>
        Array.from({ length: count }, (_, expert) => `${changeOf(layer, expert)?.tokens ?? 0} tokens go there`),
      ),
      colours: 'diverging',
    });
  return {
    title: 'What is lost without experts',
    facts: [...facts, ['tokens', String(tokens)], [what, baseline.toFixed(4)]],
    figures,
    notes: [`${what} with all experts: ${baseline.toFixed(4)}`],
  };
}

function measureOf({ word, against }: ExpertAblation): string {
  if (!word) return 'mean log-probability of the text (nats per token)';
  return against ? `logit of ${labelOf(word)} less that of ${labelOf(against)}` : `logit of ${labelOf(word)}`;
}
