/** Pictures of what rounding to int8 costs. */
import type { ActivationErrors } from '../../analysis/ternary/activations.ts';
import type { Figure, Report } from '../figure.ts';
import { percent, rounded } from '../rounded.ts';

export function activationsReport({ sites, tokens }: ActivationErrors, facts: Report['facts']): Report {
  const places = { label: 'site', ticks: sites.map(({ site }) => site) };
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Int8 activations',
      about:
        "Error: root mean square of rounded less exact numbers, over that of the exact ones. Lost: share of numbers that become 0. Outliers: channels with the largest numbers, and how many times the median channel's largest that is.",
      columns: ['site', 'channels', 'error', 'worst token', 'lost', 'outliers'],
      rows: sites.map((one) => [
        one.site,
        one.channels,
        percent3(one.relativeRms),
        `${percent3(one.worst.relativeRms)} at ${one.worst.at}`,
        percent(one.lost),
        one.outliers.map(({ channel, ratio }) => `${channel} (${rounded(ratio, 3)}x)`).join(', '),
      ]),
    },
    {
      kind: 'bars',
      title: 'Error of int8 activations',
      places,
      measure: 'relative error',
      series: [{ name: 'error', values: sites.map(({ relativeRms }) => relativeRms) }],
      hover: sites.map(({ worst }) => `worst at token ${worst.at}: ${percent3(worst.relativeRms)}`),
    },
    {
      kind: 'bars',
      title: 'Largest channel over the median one',
      places,
      measure: 'times the median',
      series: [{ name: 'largest', values: sites.map(({ outliers }) => outliers[0]?.ratio ?? null) }],
      hover: sites.map(({ outliers }) => `channel ${outliers[0]?.channel}`),
    },
  ];
  return { title: 'Int8 activations', facts: [...facts, ['tokens', String(tokens)]], figures };
}

const percent3 = (share: number): string => `${(100 * share).toFixed(3)}%`;
