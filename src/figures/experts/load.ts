/** Pictures of how the work is divided among experts. */
import type { ExpertLoad } from '../../analysis/experts/load.ts';
import type { Axis, Figure, Report } from '../figure.ts';
import { percent, rounded } from '../rounded.ts';

export type Facts = Report['facts'];

export const expertAxis = (count: number): Axis => ({
  label: 'expert',
  ticks: Array.from({ length: count }, (_, expert) => String(expert)),
});

export const layerAxis = (layers: readonly number[]): Axis => ({ label: 'layer', ticks: layers.map(String) });

const MOST_USED = 4;

export function loadReport(load: ExpertLoad, facts: Facts): Report {
  const { experts, active, layers } = load;
  const numbers = layers.map(({ layer }) => layer);
  const axes = { x: expertAxis(experts), y: layerAxis(numbers) };
  const figures: Figure[] = [
    {
      kind: 'table',
      title: 'Load of the experts',
      about:
        'Entropies in bits. Load: of the share of tokens that each expert gets, log2 of the number of experts when all get the same; "as many" is the number of equally used experts with this entropy. Router: of the softmax over all experts, mean over tokens. Gates: of the weights of the chosen ones.',
      columns: ['layer', 'load', 'as many', 'router', 'gates', 'most used (share of tokens)'],
      rows: layers.map(({ layer, tokenShare, loadEntropy, asMany, routerEntropy, gateEntropy }) => [
        layer,
        rounded(loadEntropy),
        rounded(asMany, 3),
        rounded(routerEntropy),
        rounded(gateEntropy),
        mostUsed(tokenShare),
      ]),
    },
    {
      kind: 'heatmap',
      title: 'Share of tokens',
      about: `Each token goes to ${active} of ${experts} experts: with an even load, ${percent(active / experts)} everywhere.`,
      ...axes,
      measure: 'share of tokens',
      values: layers.map(({ tokenShare }) => tokenShare),
    },
    {
      kind: 'heatmap',
      title: 'Share of gate weight',
      about: "The mean of an expert's gate over all tokens, 0 where it was not chosen. A row sums to 1.",
      ...axes,
      measure: 'share of gate weight',
      values: layers.map(({ gateShare }) => gateShare),
    },
  ];
  return { title: 'Load of the experts', facts: [...facts, ['tokens', String(load.tokens)]], figures };
}

const mostUsed = (shares: readonly number[]): string =>
  shares
    .map((share, expert) => ({ share, expert }))
    .sort((a, b) => b.share - a.share)
    .slice(0, MOST_USED)
    .map(({ share, expert }) => `${expert} ${percent(share)}`)
    .join(', ');

export function expertPairsReport(load: ExpertLoad, facts: Facts): Report {
  const { experts, tokens } = load;
  const maps = load.layers.map(({ layer, together, counts }): Figure => {
    const expected = (i: number, j: number) => ((counts[i] as number) * (counts[j] as number)) / tokens;
    return {
      kind: 'heatmap',
      title: `Layer ${layer}: chosen together`,
      about: 'Share of tokens that go to both experts. The diagonal is empty.',
      x: expertAxis(experts),
      y: expertAxis(experts),
      measure: 'share of tokens',
      values: together.map((row, i) => row.map((count, j) => (i === j ? null : count / tokens))),
      hover: together.map((row, i) =>
        row.map((count, j) => `${count} tokens; ${expected(i, j).toFixed(1)} if both were chosen independently`),
      ),
    };
  });
  const table: Figure = {
    kind: 'table',
    title: 'Experts that are chosen together',
    about: '"Times" is how many times as often as if both were chosen independently.',
    columns: ['layer', 'experts', 'tokens', 'times'],
    rows: load.layers.flatMap(({ layer, together, counts }) => bestPairs(together, counts, tokens, layer)),
  };
  return {
    title: 'Experts that are chosen together',
    facts: [...facts, ['tokens', String(tokens)]],
    figures: [table, ...maps],
  };
}

const PAIRS = 5;

function bestPairs(together: readonly (readonly number[])[], counts: readonly number[], tokens: number, layer: number) {
  const pairs = together.flatMap((row, i) => row.flatMap((count, j) => (j > i && count > 0 ? [{ i, j, count }] : [])));
  return pairs
    .sort((a, b) => b.count - a.count)
    .slice(0, PAIRS)
    .map(({ i, j, count }) => {
      const times = (count * tokens) / ((counts[i] as number) * (counts[j] as number));
      return [layer, `${i} and ${j}`, count, rounded(times, 3)];
    });
}
