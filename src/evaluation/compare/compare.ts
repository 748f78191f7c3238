/** Compares two runs by the documents that both have: rows of their samples files, in the form of lm-evaluation-harness. */
import { UsageError } from '../../base/errors.ts';
import { bootstrap, mcNemar } from './paired.ts';

/** One document of a samples file. Metrics are keys of their own. */
export interface Sample {
  readonly doc_id: number;
  readonly doc_hash?: string | undefined;
  readonly filter?: string | undefined;
  readonly metrics?: readonly string[] | undefined;
  readonly [key: string]: unknown;
}

export interface ComparedMetric {
  readonly task: string;
  readonly filter: string;
  readonly metric: string;
  readonly documents: number;
  /** Means of the first and the second run. */
  readonly first: number;
  readonly second: number;
  /** Second less first. */
  readonly difference: number;
  readonly interval: readonly [number, number];
  /** By the bootstrap. */
  readonly p: number;
  /** Where each document is right or wrong. */
  readonly mcNemar?: { readonly onlyFirst: number; readonly onlySecond: number; readonly p: number };
}

/** Every metric of every filter. Throws UsageError when the runs are not of the same documents. */
export function compareSamples(task: string, first: readonly Sample[], second: readonly Sample[]): ComparedMetric[] {
  const others = new Map(second.map((sample) => [keyOf(sample), sample]));
  const pairs = first.flatMap((sample): [Sample, Sample][] => {
    const other = others.get(keyOf(sample));
    if (!other) return [];
    if (sample.doc_hash !== undefined && other.doc_hash !== undefined && sample.doc_hash !== other.doc_hash)
      throw new UsageError(
        `${task}: document ${sample.doc_id} of the two runs differs, so they cannot be compared: give runs on the same data.`,
      );
    return [[sample, other]];
  });
  if (pairs.length === 0) throw new UsageError(`${task}: the two runs have no document in common.`);
  const filters = [...new Set(pairs.map(([{ filter = 'none' }]) => filter))];
  return filters.flatMap((filter) => {
    const own = pairs.filter(([sample]) => (sample.filter ?? 'none') === filter);
    const [[a, b]] = own as [[Sample, Sample]];
    const metrics = metricsOf(a).filter((metric) => metricsOf(b).includes(metric));
    return metrics.map((metric) => compareMetric(task, filter, metric, own));
  });
}

const keyOf = ({ doc_id, filter = 'none' }: Sample): string => `${doc_id} ${filter}`;

/** Metrics that are numbers; those of others, such as perplexities, are not averaged by document. */
function metricsOf(sample: Sample): string[] {
  const named = sample.metrics ?? Object.keys(sample).filter((key) => key !== 'doc_id');
  return named.filter((name) => typeof sample[name] === 'number');
}

function compareMetric(
  task: string,
  filter: string,
  metric: string,
  pairs: readonly (readonly [Sample, Sample])[],
): ComparedMetric {
  const values = pairs.map((pair) => pair.map((sample) => sample[metric] as number) as [number, number]);
  const mean = (which: 0 | 1) => values.reduce((sum, pair) => sum + pair[which], 0) / values.length;
  const common = { task, filter, metric, documents: values.length, first: mean(0), second: mean(1) };
  const found = { ...common, ...bootstrap(values.map(([a, b]) => b - a)) };
  if (!values.flat().every((value) => value === 0 || value === 1)) return found;
  const onlyFirst = values.filter(([a, b]) => a > b).length;
  const onlySecond = values.filter(([a, b]) => b > a).length;
  return { ...found, mcNemar: { onlyFirst, onlySecond, p: mcNemar(onlyFirst, onlySecond) } };
}
