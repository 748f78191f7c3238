/** What a run evaluates, and how: the options that lm-evaluation-harness has under these names. */

import * as v from 'valibot';
import { kind, kinds, type OptionsOf, option } from '../options/option.ts';

/** Seeds of Python's random, of numpy, of torch, and of drawing examples; all but the last are only recorded. */
export type Seeds = readonly [number, number, number, number];

const seeds = kind<number | readonly number[]>(
  'a seed, or four of them',
  v.union([
    v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    v.pipe(v.array(v.pipe(v.number(), v.safeInteger(), v.minValue(0))), v.length(4)),
  ]),
);

export const EVALUATION_OPTIONS = {
  /** Names of tasks, tags and groups; `*` for any part of a name. */
  tasks: option(kinds.texts, 'tasks, tags and groups, * for any part of a name'),
  /** Examples before each question, in place of the tasks' own numbers. */
  numFewshot: option(kinds.fromZero, "examples before each question (default: each task's own number)"),
  /** So many of the first documents of each task; below 1, a share of them. */
  limit: option(kinds.positive, 'only the first n documents of each task; below 1: a share of them'),
  /** Seed of drawing examples; or the four of the harness, of which it is the last. Default 1234. */
  seed: option(seeds, 'seed of drawing examples, or the four of the harness, as in 0,1234,1234,1234 (default: these)'),
};

export interface EvaluationOptions extends OptionsOf<typeof EVALUATION_OPTIONS> {}

export const DEFAULT_SEEDS: Seeds = [0, 1234, 1234, 1234];

export const seedsOf = (seed: number | readonly number[] | undefined): Seeds =>
  seed === undefined ? DEFAULT_SEEDS : typeof seed === 'number' ? [seed, seed, seed, seed] : (seed as unknown as Seeds);

/** How many of so many documents are evaluated. */
export const limited = (documents: number, limit: number | undefined): number =>
  limit === undefined ? documents : Math.min(documents, limit < 1 ? Math.ceil(documents * limit) : Math.trunc(limit));
