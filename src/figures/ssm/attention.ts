/** Pictures of the attention that is hidden in the scans. */
import type { EffectiveAttention, Weights } from '../../analysis/ssm/attention.ts';
import type { Facts } from '../experts/load.ts';
import type { Figure, Report } from '../figure.ts';
import { labelOf } from '../numbers.ts';
import { rounded } from '../rounded.ts';
import { tokenAxis } from './values.ts';

const STRONGEST = 4;

export function effectiveAttentionReport({ tokens, layers }: EffectiveAttention, facts: Facts): Report {
  const map = (title: string, weights: Weights, colours: 'sequential' | 'diverging'): Figure => ({
    kind: 'heatmap',
    title,
    about: 'Rows read, columns are read.',
    x: tokenAxis(tokens),
    y: tokenAxis(tokens),
    measure: 'weight',
    values: weights.map((row, t) => row.map((weight, s) => (s > t ? null : weight))),
    colours,
  });
  const last = tokens.length - 1;
  const table: Figure = {
    kind: 'table',
    title: 'What the last token reads',
    about: 'Tokens with the largest weights, mean over channels of absolute values.',
    columns: ['layer', 'tokens and weights'],
    rows: layers.map(({ layer, absolute }) => [layer, strongest(absolute[last] ?? [])]),
  };
  const maps = layers.flatMap(({ layer, signed, absolute, channels }) => [
    map(`Layer ${layer}, mean over channels of absolute weights`, absolute, 'sequential'),
    map(`Layer ${layer}, mean over channels`, signed, 'diverging'),
    ...channels.map(({ channel, weights }) => map(`Layer ${layer}, channel ${channel}`, weights, 'diverging')),
  ]);
  return { title: 'Attention hidden in the scans', facts, figures: [table, ...maps] };

  function strongest(row: readonly number[]): string {
    return row
      .map((weight, s) => ({ weight, s }))
      .sort((a, b) => b.weight - a.weight)
      .slice(0, STRONGEST)
      .map(({ weight, s }) => `${s} ${labelOf(tokens[s] as (typeof tokens)[number])} ${rounded(weight, 3)}`)
      .join(', ');
  }
}
