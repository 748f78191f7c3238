/** Two evaluated models, document by document, as figures. */
import type { ComparedMetric } from '../evaluation/compare/compare.ts';
import type { Figure, Report, Table } from './figure.ts';

/** `names`: of the first and the second run. */
export function comparisonReport(compared: readonly ComparedMetric[], names: readonly [string, string]): Report {
  const nameOf = ({ task, filter, metric }: ComparedMetric) => [task, metric, ...(filter === 'none' ? [] : [filter])];
  const label = (one: ComparedMetric) => nameOf(one).join(' ');
  const table: Table = {
    kind: 'table',
    title: 'Second less first',
    columns: [
      'task',
      'metric',
      'documents',
      'first',
      'second',
      'difference',
      '95% interval',
      'p',
      'only first',
      'only second',
      'McNemar p',
    ],
    rows: compared.map((one) => [
      ...[one.task, nameOf(one).slice(1).join(' '), one.documents, one.first.toFixed(4), one.second.toFixed(4)],
      ...[signed(one.difference), one.interval.map(signed).join(' to '), probability(one.p)],
      ...(one.mcNemar ? [one.mcNemar.onlyFirst, one.mcNemar.onlySecond, probability(one.mcNemar.p)] : ['-', '-', '-']),
    ]),
  };
  const bars: Figure = {
    kind: 'bars',
    title: 'Differences',
    about:
      'The mean over all documents of the second less the first; pointing at a bar shows where 95 of 100 resampled means lie.',
    places: { label: 'task and metric', ticks: compared.map(label) },
    measure: 'second less first',
    series: [{ name: '', values: compared.map(({ difference }) => difference) }],
    hover: compared.map(({ interval, p }) => `${interval.map(signed).join(' to ')}, p ${probability(p)}`),
  };
  return {
    title: 'Two runs compared',
    facts: [
      ['first', names[0]],
      ['second', names[1]],
    ],
    figures: [bars, table],
    notes: [
      'The interval and p are those of a paired bootstrap: documents are drawn again with repetition, 10,000 times.',
      "only first, only second: documents on which one alone is right; McNemar's exact test of whether these are equally many.",
    ],
  };
}

const signed = (x: number): string => (x > 0 ? `+${x.toFixed(4)}` : x.toFixed(4));

const probability = (p: number): string => (p < 0.0001 ? '< 0.0001' : p.toFixed(4));
