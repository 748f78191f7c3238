/**
 * Runs in stages: each with its own length of sequences, batch, keys of config.json (such as another base of the rotary positions), and,
 * if wanted, its own learning rate and schedule. Granite 3.1 lengthened its context in this way.
 */
import { kinds, type Option, option } from '../../options/option.ts';
import { section } from '../../options/section.ts';
import { modelConfig } from '../model-config.ts';
import { learningRate, SCHEDULE, type Schedule } from './learning-rate.ts';
import type { RunLength } from './run-length.ts';

export const STAGE = section(
  {
    /** Optimiser steps of this stage. */
    steps: option(kinds.fromOne, 'optimiser steps of this stage'),
    /** Tokens of a sequence, if other than that of the data. */
    sequence: option(kinds.fromOne, 'tokens of a sequence in this stage'),
    batch: option(kinds.fromOne, 'sequences of a pass in this stage'),
    accumulate: option(kinds.fromOne, 'passes of an optimiser step in this stage'),
    /** Keys of config.json that this stage changes, such as { "rope_theta": 500000 }. */
    config: option(modelConfig, 'keys of config.json that this stage changes, such as { "rope_theta": 500000 }'),
    /** With another peak or a schedule of its own, the schedule of a stage begins anew; else that of the run goes on. */
    lr: option(kinds.positive, 'peak learning rate of this stage'),
    schedule: option(SCHEDULE, 'schedule of this stage, which begins anew with it'),
    weightDecay: option(kinds.notNegative, 'weight decay of this stage'),
  },
  ['steps'],
);

export type StageOptions = typeof STAGE extends Option<infer T> ? T : never;

/** What a stage takes from the run where it says nothing. */
export interface RunDefaults {
  readonly steps?: number | undefined;
  readonly sequence: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly lr: number;
  readonly schedule: Schedule;
  readonly weightDecay: number;
  readonly stages?: readonly StageOptions[] | undefined;
}

export interface Stage {
  /** The first step of this stage, counted from 0 over the whole run. */
  readonly first: number;
  readonly steps: number;
  /** Tokens of a sequence. */
  readonly sequence: number;
  readonly batch: number;
  readonly accumulate: number;
  /** Keys of config.json that this stage changes. */
  readonly config: { readonly [key: string]: unknown };
  readonly weightDecay: number;
  /** Learning rate of a step of this stage, counted over the whole run. */
  rate(step: number): number;
}

type Counts = Pick<Stage, 'first' | 'steps' | 'sequence' | 'batch' | 'accumulate'>;

const tokensPerStep = ({ sequence, batch, accumulate }: Counts): number => sequence * batch * accumulate;

/** The stages of a run in order: one, if it names none. Throws RangeError when neither stages nor steps are given. */
export function stagesOf(run: RunDefaults): readonly Stage[] {
  const given: readonly StageOptions[] = run.stages ?? [wholeRun(run.steps)];
  let first = 0;
  const counts = given.map((stage): Counts => {
    const { steps, sequence = run.sequence, batch = run.batch, accumulate = run.accumulate } = stage;
    const here = { first, steps, sequence, batch, accumulate };
    first += steps;
    return here;
  });
  const ofRun = learningRate(run.schedule, run.lr, lengthOf(counts));
  return counts.map((count, i) => {
    const { config = {}, lr, schedule, weightDecay = run.weightDecay } = given[i] as StageOptions;
    const isOwn = lr !== undefined || schedule !== undefined;
    const own = isOwn && learningRate(schedule ?? run.schedule, lr ?? run.lr, lengthOf([{ ...count, first: 0 }]));
    return { ...count, config, weightDecay, rate: own ? (step) => own(step - count.first) : ofRun };
  });
}

function wholeRun(steps: number | undefined): StageOptions {
  if (steps === undefined) throw new RangeError('a run needs a number of steps, or stages.');
  return { steps } as StageOptions;
}

function lengthOf(counts: readonly Counts[]): RunLength {
  const [start] = counts as [Counts];
  return {
    steps: counts.reduce((sum, { steps }) => sum + steps, 0),
    sequencesPerStep: start.batch * start.accumulate,
    tokensBefore: (step) =>
      counts.reduce((sum, count) => {
        const done = Math.min(count.steps, Math.max(0, step - count.first));
        return sum + done * tokensPerStep(count);
      }, 0),
  };
}

/** The stage in which a step lies; the last one for steps beyond the run. */
export function stageAt(stages: readonly Stage[], step: number): Stage {
  return stages.findLast(({ first }) => first <= step) as Stage;
}

/** Tokens that all steps before this one have read. */
export const tokensBefore = (stages: readonly Stage[], step: number): number => lengthOf(stages).tokensBefore(step);
