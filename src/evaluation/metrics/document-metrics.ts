/** The metrics of one document (process_results of ConfigurableTask in lm_eval/api/task.py of the harness). */

import { UsageError } from '../../base/errors.ts';
import { hookNamed } from '../hooks/index.ts';
import { type DocumentTexts, isFunction, type Target } from '../tasks/document.ts';
import { pythonStr } from '../tasks/python-text.ts';
import type { MetricConfig, Row, TaskConfig } from '../tasks/task-config.ts';
import { bytesOf, charactersOf, wordsOf } from './counts.ts';
import { exactMatch } from './exact-match.ts';
import { exp } from './exact-math.ts';
import { biasMetrics, pairMetrics } from './sense-metrics.ts';
import { pairwiseSum } from './sums.ts';
import { TRANSLATION } from './translation/index.ts';

/** Values of metrics: numbers, or what their aggregation needs of each document. */
export type DocumentMetrics = Readonly<Record<string, unknown>>;

export interface Scoring {
  readonly config: TaskConfig;
  readonly name: string;
  readonly texts: DocumentTexts;
  /** Each choice is a context, so that `doc_to_text` tells which is right. */
  readonly hasInputs: boolean;
  readonly metrics: readonly MetricConfig[];
}

/** `answers`: one for each request, after a filter. */
export function documentMetrics(scoring: Scoring, row: Row, answers: readonly unknown[]): DocumentMetrics {
  const { config, name } = scoring;
  if (isFunction(config.process_results))
    return hookNamed(config.process_results.function, 'results', `process_results of the task ${name}`)(row, answers);
  switch (config.output_type) {
    case 'loglikelihood': {
      const [[logProbability, isGreedy]] = answers as [[number, boolean]];
      return only(scoring, { perplexity: logProbability, acc: Number(isGreedy) });
    }
    case 'loglikelihood_rolling': {
      const text = pythonStr(scoring.texts.target(row));
      const [logProbability] = answers;
      return only(scoring, {
        word_perplexity: [logProbability, wordsOf(text)],
        byte_perplexity: [logProbability, bytesOf(text)],
        bits_per_byte: [logProbability, bytesOf(text)],
      });
    }
    case 'multiple_choice':
      return only(scoring, choiceMetrics(scoring, row, answers as [number, boolean][]));
    case 'sense_similarity':
      return senseMetrics(scoring, pairMetrics(answers[0] as number[], scoring.texts.target(row)));
    case 'sense_bias': {
      const sense = config.metric_list?.find((metric) => metric.sense !== undefined)?.sense;
      return senseMetrics(scoring, biasMetrics(answers[0] as number[], row, sense as number | undefined));
    }
    case 'generate_until':
      return generatedMetrics(scoring, row, answers[0]);
  }
}

/** The metrics that the task asks for. */
function only({ metrics }: Scoring, all: DocumentMetrics): DocumentMetrics {
  return Object.fromEntries(Object.entries(all).filter(([name]) => metrics.some(({ metric }) => metric === name)));
}

/** All that there are, which depends on the number of senses, if the task names none. */
const senseMetrics = (scoring: Scoring, all: DocumentMetrics): DocumentMetrics =>
  scoring.config.metric_list ? only(scoring, all) : all;

/** The place of the largest number; the first of equal ones, and before all the first that is no number. */
export function largest(values: readonly number[]): number {
  const noNumber = values.findIndex(Number.isNaN);
  if (noNumber >= 0) return noNumber;
  return values.reduce((best, value, i) => (value > (values[best] as number) ? i : best), 0);
}

function choiceMetrics(
  { texts, hasInputs, metrics }: Scoring,
  row: Row,
  pairs: readonly [number, boolean][],
): DocumentMetrics {
  const choices = texts.choices(row) ?? [];
  const all = pairs.map(([logProbability]) => logProbability);
  const scores = all.slice(0, choices.length);
  const right = rightChoices(hasInputs ? (texts.text(row) as number) : texts.target(row), choices);
  const gold = Array.isArray(right) ? right : [right as number];
  const isRight = (place: number): number => Number(gold.includes(place));
  const greedy = gold.filter((place) => place >= 0).map((place) => pairs[place]?.[1] === true);
  const prediction = largest(scores);
  const result: Record<string, unknown> = {
    acc: isRight(prediction),
    f1: [right, prediction],
    mcc: [right, prediction],
    acc_norm: isRight(largest(scores.map((score, i) => score / charactersOf(choices[i] as string)))),
    acc_bytes: isRight(largest(scores.map((score, i) => score / bytesOf(choices[i] as string)))),
    exact_match: Number(greedy.some((isGreedy) => isGreedy)),
    brier_score: [right, shares(scores)],
  };
  if (metrics.some(({ metric }) => metric === 'acc_mutual_info'))
    result.acc_mutual_info = isRight(largest(scores.map((score, i) => score - (all[choices.length + i] as number))));
  return result;
}

const NOWHERE = -100;

/** The places of the right choices; -100 for one that is none of them. */
function rightChoices(target: Target, choices: readonly string[]): number | readonly number[] {
  if (Array.isArray(target)) return (target as (string | number)[]).map((one) => placeOf(one, choices));
  return placeOf(target as string | number | boolean, choices);
}

function placeOf(target: string | number | boolean, choices: readonly string[]): number {
  const place = typeof target === 'string' ? choices.indexOf(target) : Number(target);
  return place === -1 && typeof target === 'string' ? NOWHERE : place < choices.length ? place : NOWHERE;
}

function shares(scores: readonly number[]): number[] {
  const highest = Math.max(...scores);
  const powers = scores.map((score) => exp(score - highest));
  const total = pairwiseSum(powers);
  return powers.map((power) => power / total);
}

function generatedMetrics({ config, name, texts, metrics }: Scoring, row: Row, answer: unknown): DocumentMetrics {
  const target = texts.target(row);
  const text = Array.isArray(answer) ? (answer.map(pythonStr)[0] ?? '') : pythonStr(answer);
  const choices = config.doc_to_choice === undefined ? undefined : texts.choices(row);
  const one = choices && !Array.isArray(target) ? choices.at(Number(target)) : target;
  const wanted = (Array.isArray(one) ? one : [one]).map(pythonStr);
  return Object.fromEntries(
    metrics.map(({ metric, aggregation, higher_is_better, ...options }) => {
      if (metric === 'bypass') return [metric, null];
      if (Object.hasOwn(TRANSLATION, metric)) return [metric, [onlyText(wanted, metric, name), text]];
      if (metric !== 'exact_match')
        throw new UsageError(
          `the task ${name} has the metric '${metric}', which is not supported for generated texts: wanted exact_match, ${Object.keys(TRANSLATION).join(', ')}.`,
        );
      return [metric, Number(wanted.some((right) => exactMatch(text, right, options)))];
    }),
  );
}

function onlyText(wanted: readonly string[], metric: string, name: string): string {
  const [text, ...others] = wanted;
  if (text !== undefined && others.length === 0) return text;
  throw new UsageError(
    `the task ${name} has a row with ${wanted.length} targets, but '${metric}' compares with one: doc_to_target must give a text.`,
  );
}
