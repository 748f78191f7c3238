/** Steering vectors and trials of them as figures. */
import type { SteeringTrial } from '../analysis/steering/try.ts';
import type { SteeringVectors } from '../analysis/steering/vectors.ts';
import { exp } from '../base/math.ts';
import type { Figure, Report, Table } from './figure.ts';
import { labelOf, percent } from './numbers.ts';

const places = (positions: SteeringVectors['positions']): string =>
  typeof positions === 'string' ? positions : JSON.stringify(positions);

export function steeringReport(result: Pick<SteeringVectors, 'method' | 'positions' | 'positive' | 'negative' | 'sites'>, facts: Report['facts']): Report {
  const { method, positions, positive, negative, sites } = result;
  const isPca = method === 'pca';
  const table: Table = {
    kind: 'table',
    title: 'Vectors',
    columns: ['site', 'length', 'length of values', 'separates', ...(isPca ? ['explains'] : [])],
    rows: sites.map(({ site, length, valueLength, separates, explained = 0 }) => [
      ...[site, length.toFixed(3), valueLength.toFixed(3), `${(100 * separates).toFixed(1)}%`],
      ...(isPca ? [`${(100 * explained).toFixed(1)}%`] : []),
    ]),
  };
  return {
    title: 'Steering vectors',
    facts: [...facts, ['method', method], ['positions', places(positions)], ['texts', `${positive.texts} positive, ${negative.texts} negative`]],
    figures: [
      {
        kind: 'bars',
        title: 'Length of each vector, against the values that it is added to',
        about: 'A strength that makes a vector much longer than a small part of the values overdrives the model.',
        places: { label: 'site', ticks: sites.map(({ site }) => site) },
        measure: 'length of the vector / mean length of the values',
        series: [{ name: '', values: sites.map(({ length, valueLength }) => length / valueLength) }],
      },
      table,
    ],
    notes: [
      'separates: how many of the texts lie on their side of the middle along the vector; the vectors were made of these same texts.',
    ],
  };
}

export function trialReport({ sites, words, tries }: SteeringTrial, facts: Report['facts']): Report {
  const strengths = tries.map(({ strength }) => `${strength}`);
  const at = tries.map(({ strength }) => strength);
  const hasPerplexity = tries.some(({ perplexity }) => perplexity !== undefined);
  const rising = at.every((strength, i) => i === 0 || strength > (at[i - 1] as number)) ? { at } : {};
  const table: Table = {
    kind: 'table',
    title: 'The prompt at each strength',
    columns: ['strength', ...words.map(labelOf), ...(hasPerplexity ? ['perplexity'] : []), 'text'],
    rows: tries.map(({ strength, logprobs, perplexity, text }) => [
      ...[strength, ...logprobs.map(percent)],
      ...(hasPerplexity ? [perplexity === undefined ? null : perplexity.toPrecision(4)] : []),
      text.replaceAll('\n', '⏎'),
    ]),
  };
  const lines: Figure[] = [
    {
      kind: 'lines',
      title: 'Probability of words after the prompt',
      places: { label: 'strength', ticks: strengths },
      measure: 'probability (%)',
      series: words.map((word, w) => ({ name: labelOf(word), values: tries.map(({ logprobs }) => 100 * exp(logprobs[w] as number)) })),
      ...rising,
    },
  ];
  if (hasPerplexity)
    lines.push({
      kind: 'lines',
      title: 'Perplexity of the neutral text',
      about: 'Where it rises steeply, the vectors are too strong: the model loses its language.',
      places: { label: 'strength', ticks: strengths },
      measure: 'perplexity',
      series: [{ name: '', values: tries.map(({ perplexity = null }) => perplexity) }],
      logarithmic: true,
      ...rising,
    });
  return { title: 'Steering', facts: [...facts, ['sites', sites.join(', ')]], figures: [...lines, table] };
}
