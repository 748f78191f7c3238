/** Pictures of step sizes, memory spans and the size of the state. */
import type { StateNorms } from '../../analysis/ssm/norms.ts';
import type { MemorySpans } from '../../analysis/ssm/spans.ts';
import type { StepSizes } from '../../analysis/ssm/steps.ts';
import { type Facts, layerAxis } from '../experts/load.ts';
import type { Axis, Figure, Report } from '../figure.ts';
import { labelOf } from '../numbers.ts';
import { rounded } from '../rounded.ts';

export const tokenAxis = (tokens: readonly { readonly id: number; readonly text: string }[]): Axis => ({
  label: 'token',
  ticks: tokens.map(labelOf),
});

export function stepsReport({ tokens, layers, relative }: StepSizes, facts: Facts): Report {
  const ticks = tokens.map(labelOf);
  const columns = layers.map(({ layer }) => `layer ${layer}`);
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'What is read and what is passed over',
      about:
        'Step size of each token over its mean over the text, mean over channels: above 1, the state takes in more of this token and forgets more of what came before; below 1, it is passed over. "All": mean over layers.',
      columns: ['', 'token', 'all', ...columns],
      rows: tokens.map((_, t) => [
        t,
        ticks[t] as string,
        rounded(relative[t] as number, 3),
        ...layers.map((one) => rounded(one.relative[t] as number, 3)),
      ]),
    },
    {
      kind: 'heatmap',
      title: 'Step sizes',
      about: 'Over their mean over the text in each layer. Point at a cell for the step size itself.',
      x: layerAxis(layers.map(({ layer }) => layer)),
      y: tokenAxis(tokens),
      measure: 'step size / mean',
      values: tokens.map((_, t) => layers.map((one) => one.relative[t] as number)),
      hover: tokens.map((_, t) => layers.map((one) => `step size ${rounded(one.mean[t] as number)}`)),
    },
    {
      kind: 'bars',
      title: 'Step size of each token, mean over layers',
      places: tokenAxis(tokens),
      measure: 'step size / mean',
      series: [{ name: 'all layers', values: relative }],
    },
  ];
  return { title: 'What is read and what is passed over', facts, figures };
}

export function spansReport({ layers, tokens }: MemorySpans, facts: Facts): Report {
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Memory spans of channels',
      about:
        'Half-life in tokens: after so many, half of what a state held is left, with the mean step size of the text. Of each channel, that of the state which forgets most slowly.',
      columns: [
        'layer',
        'least',
        '10%',
        'median',
        '90%',
        'most',
        'median of all states',
        'channels that remember longest',
      ],
      rows: layers.map(({ layer, slowest, states, longest }) => [
        layer,
        ...[slowest.least, slowest.lower, slowest.median, slowest.upper, slowest.most, states.median].map((x) =>
          rounded(x, 3),
        ),
        longest.map(({ channel, halfLife }) => `${channel} (${rounded(halfLife, 3)})`).join(', '),
      ]),
    },
    {
      kind: 'lines',
      title: 'Half-life by layer',
      about: 'Quantiles over channels.',
      places: layerAxis(layers.map(({ layer }) => layer)),
      measure: 'half-life (tokens)',
      logarithmic: true,
      series: [
        { name: '10%', values: layers.map(({ slowest }) => slowest.lower) },
        { name: 'median', values: layers.map(({ slowest }) => slowest.median) },
        { name: '90%', values: layers.map(({ slowest }) => slowest.upper) },
        { name: 'most', values: layers.map(({ slowest }) => slowest.most) },
      ],
    },
    ...layers.map((one): Figure => histogram(one.layer, one.channels)),
  ];
  return { title: 'Memory spans of channels', facts: [...facts, ['tokens', String(tokens)]], figures };
}

/** Bounds of half-lives: powers of two. */
function histogram(layer: number, spans: readonly number[]): Figure {
  const bounds = Array.from({ length: 14 }, (_, i) => 2 ** i);
  const counts = new Array<number>(bounds.length + 1).fill(0);
  for (const span of spans) {
    const found = bounds.findIndex((bound) => span < bound);
    const place = found < 0 ? bounds.length : found;
    counts[place] = (counts[place] as number) + 1;
  }
  const ticks = counts.map((_, i) => (i < bounds.length ? `< ${bounds[i]}` : `≥ ${bounds.at(-1)}`));
  return {
    kind: 'bars',
    title: `Layer ${layer}: channels by half-life`,
    places: { label: 'half-life (tokens)', ticks },
    measure: 'channels',
    upright: true,
    series: [{ name: 'channels', values: counts }],
  };
}

export function normsReport({ tokens, layers }: StateNorms, facts: Facts): Report {
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Norm of the state',
      about: "Frobenius norm of each layer's state after every token.",
      columns: ['', 'token', ...layers.map(({ layer }) => `layer ${layer}`)],
      rows: tokens.map((token, t) => [t, labelOf(token), ...layers.map(({ norm }) => rounded(norm[t] as number))]),
    },
    {
      kind: 'lines',
      title: 'Norm of the state over time',
      places: tokenAxis(tokens),
      measure: 'norm',
      series: layers.map(({ layer, norm }) => ({ name: `layer ${layer}`, values: norm })),
    },
  ];
  return { title: 'Norm of the state over time', facts, figures };
}
