/** What a sweep measures after the last token of a prompt: the logit of a word, its log-probability, or the difference of two words' logits. */
import { UsageError } from '../base/errors.ts';
import { oneOf, option } from '../options/option.ts';
import { logSumExp } from '../sampler/sampler.ts';
import { aWord, findWord, type Vocabulary, type Word } from './words.ts';

const MEASURES = ['logit', 'logprob'] as const;

export const METRIC_OPTIONS = {
  word: option(aWord, 'the word that is measured after the last token'),
  against: option(aWord, 'another word: the difference of both logits is measured'),
  measure: option(oneOf(MEASURES), 'what is measured of a single word (default: logprob)'),
};

export interface MetricOptions {
  readonly word?: string | number | undefined;
  readonly against?: string | number | undefined;
  readonly measure?: (typeof MEASURES)[number] | undefined;
}

export interface Metric {
  readonly kind: 'difference' | 'logit' | 'logprob';
  readonly word: Word;
  readonly against?: Word | undefined;
}

/** Throws UsageError on words that are not one token, and on a measure where there are two words. */
export function findMetric(vocabulary: Vocabulary, { word, against, measure }: MetricOptions): Metric {
  if (word === undefined) throw new UsageError("there is no word to measure: give one, as in ' she', or its id.");
  const found = findWord(vocabulary, word);
  if (against === undefined) return { kind: measure ?? 'logprob', word: found };
  if (measure !== undefined)
    throw new UsageError(`of two words, the difference of the logits is measured: leave 'measure' or 'against' out.`);
  const other = findWord(vocabulary, against);
  if (other.id === found.id) throw new UsageError('word and against are the same token; the difference is always 0.');
  return { kind: 'difference', word: found, against: other };
}

/** Of the logits [V] of the next token. */
export function measured({ kind, word, against }: Metric, logits: Float32Array): number {
  const own = logits[word.id] as number;
  if (kind === 'logprob') return own - logSumExp(logits);
  return against ? own - (logits[against.id] as number) : own;
}
