/** From the values of all documents to one number, and its standard error (lm_eval/api/metrics.py of the harness). */

import { PythonRandom } from '../few-shot/python-random.ts';
import { exp, log } from './exact-math.ts';
import { type BiasValue, biasNumber, spearmanOf } from './sense-metrics.ts';
import { mean, pairwiseSum, sampleDeviation, sum } from './sums.ts';
import { type TextPair, TRANSLATION } from './translation/index.ts';

export type ErrorKind = 'of the mean' | 'bootstrap' | 'none';

export interface Aggregation {
  of(values: readonly unknown[]): number;
  readonly error: ErrorKind;
  /** Draws of the bootstrap, if fewer than usual. */
  readonly mostDraws?: number;
}

type Pair = readonly [number, number];

const numbers = (values: readonly unknown[]): readonly number[] => values as readonly number[];
const pairs = (values: readonly unknown[]): readonly Pair[] => values as readonly Pair[];

const weightedMean = (values: readonly Pair[]): number =>
  sum(values.map(([value]) => value)) / sum(values.map(([, weight]) => weight));

/** Such counting is slow, so that the harness draws no more. */
const TRANSLATION_DRAWS = 100;

export const AGGREGATIONS: Readonly<Record<string, Aggregation>> = {
  mean: { of: (values) => mean(numbers(values)), error: 'of the mean' },
  nanmean: {
    of: (values) => {
      const there = numbers(values).filter((value) => !Number.isNaN(value));
      return there.length === 0 ? Number.NaN : pairwiseSum(there) / there.length;
    },
    error: 'bootstrap',
  },
  median: {
    of: (values) => [...numbers(values)].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number,
    error: 'bootstrap',
  },
  perplexity: { of: (values) => exp(-mean(numbers(values))), error: 'bootstrap' },
  weighted_perplexity: { of: (values) => exp(-weightedMean(pairs(values))), error: 'none' },
  bits_per_byte: { of: (values) => -weightedMean(pairs(values)) / log(2), error: 'none' },
  f1: { of: (values) => f1(pairs(values)), error: 'bootstrap' },
  matthews_corrcoef: { of: (values) => matthews(pairs(values)), error: 'bootstrap' },
  brier_score: { of: (values) => brier(values as readonly [number, readonly number[]][]), error: 'none' },
  bypass: { of: () => 999, error: 'none' },
  sum: { of: (values) => sum(numbers(values)), error: 'none' },
  spearman: { of: (values) => spearmanOf(pairs(values)), error: 'none' },
  bias_ratio_removed: { of: (values) => biasNumber('removed')(values as readonly BiasValue[]), error: 'none' },
  bias_ratio_fitted: { of: (values) => biasNumber('fitted')(values as readonly BiasValue[]), error: 'none' },
  bias_sense: { of: (values) => biasNumber('sense')(values as readonly BiasValue[]), error: 'none' },
  ...Object.fromEntries(
    Object.entries(TRANSLATION).map(([name, of]): [string, Aggregation] => [
      name,
      { of: (values) => of(values as readonly TextPair[]), error: 'bootstrap', mostDraws: TRANSLATION_DRAWS },
    ]),
  ),
};

/** What a metric is aggregated by, if its task does not say, and whether more is better. */
export const METRICS: Readonly<Record<string, { readonly aggregation: string; readonly isHigherBetter: boolean }>> = {
  acc: { aggregation: 'mean', isHigherBetter: true },
  acc_norm: { aggregation: 'mean', isHigherBetter: true },
  acc_bytes: { aggregation: 'mean', isHigherBetter: true },
  acc_mutual_info: { aggregation: 'mean', isHigherBetter: true },
  exact_match: { aggregation: 'mean', isHigherBetter: true },
  perplexity: { aggregation: 'perplexity', isHigherBetter: false },
  word_perplexity: { aggregation: 'weighted_perplexity', isHigherBetter: false },
  byte_perplexity: { aggregation: 'weighted_perplexity', isHigherBetter: false },
  bits_per_byte: { aggregation: 'bits_per_byte', isHigherBetter: false },
  brier_score: { aggregation: 'brier_score', isHigherBetter: false },
  f1: { aggregation: 'f1', isHigherBetter: true },
  mcc: { aggregation: 'matthews_corrcoef', isHigherBetter: true },
  bleu: { aggregation: 'bleu', isHigherBetter: true },
  chrf: { aggregation: 'chrf', isHigherBetter: true },
  'chrf++': { aggregation: 'chrf++', isHigherBetter: true },
  ter: { aggregation: 'ter', isHigherBetter: false },
  bypass: { aggregation: 'bypass', isHigherBetter: true },
  ...Object.fromEntries(
    ['min', 'max', 'min_any', 'max_any', 'flat', 'sense'].map((name) => [
      `spearman_${name}`,
      { aggregation: 'spearman', isHigherBetter: true },
    ]),
  ),
  bias_ratio: { aggregation: 'mean', isHigherBetter: false },
  bias_ratio_removed: { aggregation: 'bias_ratio_removed', isHigherBetter: false },
  bias_ratio_fitted: { aggregation: 'bias_ratio_fitted', isHigherBetter: false },
  bias_ratio_without: { aggregation: 'mean', isHigherBetter: false },
  bias_sense: { aggregation: 'bias_sense', isHigherBetter: true },
  bias_words: { aggregation: 'sum', isHigherBetter: true },
};

/** Facts of a metric, which may be one of many, each of a sense: `spearman_sense_3`. */
export function metricFacts(metric: string): (typeof METRICS)[string] | undefined {
  const name = /^(spearman_sense|bias_ratio_without)_\d+$/.exec(metric)?.[1] ?? metric;
  return Object.hasOwn(METRICS, name) ? METRICS[name] : undefined;
}

/** The metrics of a task that names none. */
export const USUAL_METRICS = {
  multiple_choice: ['acc', 'acc_norm'],
  loglikelihood: ['perplexity', 'acc'],
  loglikelihood_rolling: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  generate_until: ['exact_match'],
  sense_similarity: ['spearman_min', 'spearman_max', 'spearman_flat'],
  sense_bias: ['bias_ratio', 'bias_ratio_removed', 'bias_ratio_fitted'],
} as const;

/** Draws with replacement that make up one seed's share of the bootstrap. */
const CHUNK = 1000;

/** The standard error of the aggregated value; undefined where none is defined. */
export function standardError(
  { of, error, mostDraws = Number.POSITIVE_INFINITY }: Aggregation,
  values: readonly unknown[],
  draws: number,
): number | undefined {
  const iterations = Math.min(draws, mostDraws);
  if (iterations <= 0 || values.length < 2 || error === 'none') return undefined;
  if (error === 'of the mean') return sampleDeviation(numbers(values)) / Math.sqrt(values.length);
  const chunk = Math.min(CHUNK, iterations);
  const results: number[] = [];
  for (let seed = 0; seed < Math.floor(iterations / chunk); seed++) {
    const random = new PythonRandom(seed);
    for (let i = 0; i < chunk; i++) results.push(of(Array.from(values, () => values[random.choice(values.length)])));
  }
  return sampleDeviation(results);
}

/** Counts of right and wrong answers with two classes; class 1 is the positive one. */
function f1(values: readonly Pair[]): number {
  let [hits, wrong] = [0, 0];
  for (const [right, given] of values) {
    if (right === 1 && given === 1) hits++;
    else if (right === 1 || given === 1) wrong++;
  }
  return hits + wrong === 0 ? 0 : (2 * hits) / (2 * hits + wrong);
}

/** Matthews' correlation of any number of classes (as in scikit-learn). */
function matthews(values: readonly Pair[]): number {
  const [rights, givens] = [new Map<number, number>(), new Map<number, number>()];
  let correct = 0;
  for (const [right, given] of values) {
    rights.set(right, (rights.get(right) ?? 0) + 1);
    givens.set(given, (givens.get(given) ?? 0) + 1);
    if (right === given) correct++;
  }
  const product = (a: Map<number, number>, b: Map<number, number>) =>
    sum([...a].map(([key, n]) => n * (b.get(key) ?? 0)));
  const total = values.length;
  const covariance = correct * total - product(rights, givens);
  const scale = (total * total - product(givens, givens)) * (total * total - product(rights, rights));
  return scale === 0 ? 0 : covariance / Math.sqrt(scale);
}

function brier(values: readonly (readonly [number, readonly number[]])[]): number {
  return (
    pairwiseSum(
      values.map(([right, shares]) =>
        pairwiseSum(shares.map((share, i) => (share - Number(i === right)) * (share - Number(i === right)))),
      ),
    ) / values.length
  );
}
