/** Activation patching and ablation as figures. */
import type { Metric } from '../analysis/metric.ts';
import type { Ablation } from '../analysis/patching/ablate.ts';
import type { Patching } from '../analysis/patching/patch.ts';
import type { Report, Table } from './figure.ts';
import { labelOf, signed, tokenTicks } from './numbers.ts';

const SEEN_PLACES = 12; // columns of a table that a terminal bears
const STRONGEST = 20;

const nameOf = ({ site, head }: { readonly site: string; readonly head?: number | undefined }): string =>
  head === undefined ? site : `${site} head ${head}`;

function metricName({ kind, word, against }: Metric): string {
  if (against) return `logit of ${labelOf(word)} less that of ${labelOf(against)}`;
  return `${kind === 'logit' ? 'logit' : 'log-probability'} of ${labelOf(word)}`;
}

export function patchingReport(result: Patching, facts: Report['facts']): Report {
  const { clean, corrupted, metric, direction, cleanValue, corruptedValue, positions, sites } = result;
  const denoises = direction === 'denoise';
  const read = denoises ? corrupted : clean;
  const all = tokenTicks(read);
  const other = tokenTicks(denoises ? clean : corrupted);
  const ticks = positions.map((position) =>
    all[position] === other[position] ? (all[position] as string) : `${all[position]}→${other[position]}`,
  );
  const about = denoises
    ? 'The corrupted prompt is read, with one value of the clean one: 0 where nothing changes, 1 where the value brings back all of the clean prediction.'
    : 'The clean prompt is read, with one value of the corrupted one: 0 where nothing changes, 1 where the value spoils the prediction wholly.';
  const cells = sites.flatMap((one) =>
    one.effects.map((effect, i) => ({
      name: nameOf(one),
      effect,
      value: one.values[i] as number,
      place: positions[i] as number,
      token: ticks[i] as string,
    })),
  );
  const strongest = [...cells].sort((a, b) => Math.abs(b.effect) - Math.abs(a.effect)).slice(0, STRONGEST);
  const grid: Table = {
    kind: 'table',
    title: 'Effect of each value',
    columns: ['site', ...ticks],
    rows: sites.map((one) => [nameOf(one), ...one.effects.map((effect) => effect.toFixed(2))]),
  };
  const list: Table = {
    kind: 'table',
    title: 'The strongest',
    columns: ['site', 'position', 'token', 'effect', 'measured'],
    rows: strongest.map(({ name, place, token, effect, value }) => [
      name,
      place,
      token,
      effect.toFixed(3),
      signed(value),
    ]),
  };
  return {
    title: `Activation patching: ${metricName(metric)}`,
    facts: [...facts, ['measured, clean', signed(cleanValue)], ['measured, corrupted', signed(corruptedValue)]],
    figures: [
      {
        kind: 'heatmap',
        title: 'Effect of each value',
        about,
        x: { label: denoises ? 'token (corrupted → clean)' : 'token (clean → corrupted)', ticks },
        y: { label: 'site', ticks: sites.map(nameOf) },
        measure: 'effect',
        colours: 'diverging',
        values: sites.map(({ effects }) => effects),
        hover: sites.map(({ values }) => values.map((value) => `measured ${signed(value)}`)),
      },
      positions.length > SEEN_PLACES ? list : grid,
    ],
    notes: [
      `${metricName(metric)}: ${signed(cleanValue)} after the clean prompt, ${signed(corruptedValue)} after the corrupted one.`,
    ],
  };
}

export function ablationReport({ metric, by, value, parts }: Ablation, facts: Report['facts']): Report {
  const what = metric ? metricName(metric) : 'mean log-probability of the tokens (nats)';
  const how = by === 'zero' ? 'removed' : 'set to its mean';
  return {
    title: `Ablation: ${what}`,
    facts: [...facts, ['without ablation', signed(value)]],
    figures: [
      {
        kind: 'bars',
        title: `What changes when each is ${how}`,
        places: { label: 'site', ticks: parts.map(nameOf) },
        measure: `change of the ${what}`,
        series: [{ name: '', values: parts.map(({ change }) => change) }],
      },
      {
        kind: 'table',
        title: `The ${what} is ${signed(value)}; when each is ${how}:`,
        columns: ['site', 'change', 'measured'],
        rows: parts.map((part) => [nameOf(part), signed(part.change), signed(part.value)]),
      },
    ],
  };
}
