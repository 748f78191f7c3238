/** Metrics of a document about senses (arXiv 2305.16765): how alike two words are beside what people say, and ratios of two words. */
import { biasOf, type Leaning, meanRatio, type WordLeanings } from '../../analysis/senses/bias.ts';
import { spearman } from '../../analysis/senses/rank-correlation.ts';
import { quote, UsageError } from '../../base/errors.ts';
import { measuredPrompts } from '../tasks/sense-requests.ts';
import type { Row } from '../tasks/task-config.ts';

/** After the cosines of each sense. */
const FUNCTIONS = ['min', 'max', 'min_any', 'max_any', 'flat'] as const;

/** Pairs of our similarity and people's, by the names of metrics. */
export function pairMetrics(numbers: readonly number[], target: unknown): Record<string, readonly [number, number]> {
  const people = typeof target === 'string' && target.trim() !== '' ? Number(target) : target;
  if (typeof people !== 'number' || !Number.isFinite(people))
    throw new UsageError(`doc_to_target gave ${quote(target)}, wanted how alike people find the words: a number.`);
  const senses = numbers.length - FUNCTIONS.length;
  const names = [
    ...Array.from({ length: senses }, (_, l) => `spearman_sense_${l}`),
    ...FUNCTIONS.map((name) => `spearman_${name}`),
  ];
  const all = names.map((name, i) => [name, [numbers[i] as number, people] as const] as const);
  return Object.fromEntries([...all.slice(senses), ...all.slice(0, senses)]);
}

export const spearmanOf = (values: readonly (readonly [number, number])[]): number =>
  spearman(
    values.map(([ours]) => ours),
    values.map(([, people]) => people),
  );

/** A word with the sense that is asked for, if one is. */
export interface BiasValue extends WordLeanings {
  readonly sense?: number | undefined;
}

/** Of a word of several tokens only that it does not count. `sense`: that which is removed and fitted. */
export function biasMetrics(numbers: readonly number[], row: Row, sense: number | undefined): Record<string, unknown> {
  const measured = measuredPrompts(row);
  const width = numbers.length / (measured + (row.fitPrompts as readonly string[]).length);
  if (width === 0) return { bias_words: 0 };
  const all = Array.from({ length: numbers.length / width }, (_, i): Leaning => {
    const [difference = 0, ...senses] = numbers.slice(i * width, (i + 1) * width);
    return { difference, senses };
  });
  const test = all.slice(0, measured);
  const value: BiasValue = { word: String(row.word), id: -1, test, fit: all.slice(measured), sense };
  const without = Array.from({ length: width - 1 }, (_, l) => [`bias_ratio_without_${l}`, meanRatio(test, l, 0)]);
  return {
    bias_ratio: meanRatio(test, 0, 1),
    bias_ratio_removed: value,
    bias_ratio_fitted: value,
    bias_sense: value,
    bias_words: 1,
    ...Object.fromEntries(without),
  };
}

export const biasNumber =
  (name: 'removed' | 'fitted' | 'sense') =>
  (values: readonly BiasValue[]): number =>
    biasOf(values, values[0]?.sense)[name];
