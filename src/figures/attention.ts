/** Attention patterns as figures. */
import { type AttentionPatterns, type HeadPattern, strongestSources } from '../analysis/attention-patterns.ts';
import type { Axis, Figure, Report, Table } from './figure.ts';
import { labelOf, tokenTicks } from './numbers.ts';

/** `facts`: from what it was made, such as the model and the text. */
export function attentionReport(result: AttentionPatterns, facts: Report['facts']): Report {
  const { tokens, heads } = result;
  const from: Axis = { label: 'read token', ticks: tokenTicks(tokens) };
  const at: Axis = { label: 'reading token', ticks: tokenTicks(tokens) };
  const map = (title: string, values: readonly (readonly number[])[]): Figure => ({
    ...{ kind: 'heatmap', title, x: from, y: at, measure: 'probability', range: [0, 1] },
    values: values.map((row, t) => row.map((p, s) => (s > t ? null : p))),
  });
  const mean = meanOf(heads);
  return {
    title: 'Attention',
    facts,
    figures: [
      sources(result, mean),
      headTable(heads),
      ...(heads.length > 1 ? [map('Mean of these heads', mean)] : []),
      ...heads.map(({ layer, head, pattern }) => map(`Layer ${layer}, head ${head}`, pattern)),
    ],
  };
}

function meanOf(heads: readonly HeadPattern[]): number[][] {
  const [first] = heads;
  if (!first) return [];
  return first.pattern.map((row, t) =>
    row.map((_, s) => heads.reduce((sum, { pattern }) => sum + (pattern[t]?.[s] ?? 0), 0) / heads.length),
  );
}

const SOURCES = 4;

function sources({ tokens, heads }: AttentionPatterns, mean: readonly (readonly number[])[]): Table {
  const of = heads.length === 1 ? `layer ${heads[0]?.layer}, head ${heads[0]?.head}` : `mean of ${heads.length} heads`;
  return {
    kind: 'table',
    title: `What each token reads most (${of})`,
    columns: ['', 'token', ...Array.from({ length: Math.min(SOURCES, tokens.length) }, (_, i) => `${i + 1}.`)],
    rows: tokens.map((token, t) => {
      const strongest = strongestSources(mean[t] ?? [], SOURCES).map(({ position, probability }) => {
        const source = tokens[position];
        return `${position} ${source ? labelOf(source) : ''} ${(100 * probability).toFixed(1)}%`;
      });
      return [
        t,
        labelOf(token),
        ...strongest,
        ...Array.from({ length: Math.min(SOURCES, tokens.length) - strongest.length }, () => ''),
      ];
    }),
  };
}

function headTable(heads: readonly HeadPattern[]): Table {
  return {
    kind: 'table',
    title: 'Where each head looks: mean over the tokens after the first',
    columns: ['layer', 'head', 'entropy (nats)', 'itself', 'token before', 'first token'],
    rows: heads.map(({ layer, head, pattern, entropy }) => {
      const rows = pattern.slice(1);
      const mean = (of: (row: readonly number[], t: number) => number) =>
        rows.length === 0 ? '-' : (rows.reduce((sum, row, i) => sum + of(row, i + 1), 0) / rows.length).toFixed(3);
      return [
        ...[layer, head],
        mean((_, t) => entropy[t] ?? 0),
        mean((row, t) => row[t] ?? 0),
        mean((row, t) => row[t - 1] ?? 0),
        mean((row) => row[0] ?? 0),
      ];
    }),
  };
}
