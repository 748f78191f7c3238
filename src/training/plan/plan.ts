/** What a run will take, before anything is read or written: tokens, steps, parameters, memory, operations and time, as plain data. */
import { type DeclaredModel, declareModel } from '../../loader/declare.ts';
import type { TrainingConfig } from '../config.ts';
import { type PassSize, passBytes, sensePassBytes, withGaps } from '../memory.ts';
import { type Stage, stagesOf, tokensBefore } from '../schedules/stages.ts';
import { checkSenses } from '../senses/sites.ts';
import { type PlannedMemory, planMemory } from './memory.ts';
import { multiplyAddsOf } from './multiply-adds.ts';
import { differentiated, mostSenses, type PlannedParameters, planParameters } from './parameters.ts';
import { type ScheduleRow, scheduleTable } from './schedule-table.ts';

/** Accelerators on which a published model was trained. */
export interface Hardware {
  readonly name: string;
  /** Undefined when it is not published. */
  readonly count: number | undefined;
  /** Of one accelerator, dense bf16 products: floating-point operations per second. */
  readonly peakFlops: number;
  /** Of one accelerator. */
  readonly memoryBytes: number;
  /** Hours of all accelerators together that the run took; undefined when they are not published. */
  readonly deviceHours: number | undefined;
}

export interface PlanOptions {
  /** config.json of the model. */
  readonly model: { readonly [key: string]: unknown };
  /** Floating-point operations per second of this machine in training, measured. */
  readonly flopsPerSecond?: number | undefined;
  readonly hardware?: Hardware | undefined;
}

export interface PlannedStage {
  readonly first: number;
  readonly steps: number;
  readonly sequence: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly tokensPerStep: number;
  readonly config: { readonly [key: string]: unknown };
  /** Operations of one step. */
  readonly flopsPerStep: number;
}

/** Floating-point operations; a multiplication and an addition are two. */
export interface PlannedFlops {
  /** Of the whole run: products with weights, forward and backward. */
  readonly products: number;
  readonly attention: number;
  readonly scan: number;
  /** Of computing blocks again for their gradients. */
  readonly again: number;
  readonly total: number;
}

export interface PlannedTime {
  /** Seconds on this machine; undefined when its speed is not known. */
  readonly here: number | undefined;
  /** Hours on one accelerator like those of the card, at `utilisation` of its peak. */
  readonly deviceHours: number | undefined;
  /** Share of the peak: what the published hours come to, or 0.4 where none are published. */
  readonly utilisation: number | undefined;
  /** Published hours of all accelerators together. */
  readonly published: number | undefined;
}

export interface TrainingPlan {
  readonly family: string;
  readonly steps: number;
  readonly tokens: number;
  readonly stages: readonly PlannedStage[];
  readonly schedule: readonly ScheduleRow[];
  readonly parameters: PlannedParameters;
  /** Of the stage that needs most. */
  readonly memory: PlannedMemory;
  readonly flops: PlannedFlops;
  readonly hardware: Hardware | undefined;
  readonly time: PlannedTime;
}

/** Where nothing is published; large runs reach 0.3 to 0.5. */
const USUAL_UTILISATION = 0.4;

/** Throws UsageError and CheckpointError as the run itself would. */
export function planOf(config: TrainingConfig, options: PlanOptions): TrainingPlan {
  const stages = runStages(config);
  const declared = declareModel(options.model, undefined, config);
  const planned = stages.map((stage) => planStage(config, stage, options));
  const steps = stages.reduce((sum, stage) => sum + stage.steps, 0);
  const flops = planned.reduce((sum, { total }) => added(sum, total), NONE);
  const activations = planned.reduce((most, { activations }) => Math.max(most, activations), 0);
  return {
    family: declared.family,
    steps,
    tokens: tokensBefore(stages, steps),
    stages: planned.map(({ stage }) => stage),
    schedule: scheduleTable(config, stages),
    parameters: planParameters(config, declared),
    memory: planMemory(config, declared, activations),
    flops,
    hardware: options.hardware,
    time: planTime(flops, options),
  };
}

/** The stages of a run, with the length of sequences that its data has. */
export function runStages(config: TrainingConfig): readonly Stage[] {
  const { optimizer, data } = config;
  const sequence = 'ids' in data ? longest(data.ids) : data.sequence;
  const { lr, weightDecay } = optimizer;
  return stagesOf({ ...config, lr, weightDecay, sequence });
}

/** Tokens that the longest row reads: its last id is only a target. */
const longest = (rows: readonly (readonly number[])[]): number =>
  rows.reduce((most, { length }) => Math.max(most, length - 1), 0);

const NONE: PlannedFlops = { products: 0, attention: 0, scan: 0, again: 0, total: 0 };

const added = (a: PlannedFlops, b: PlannedFlops): PlannedFlops => ({
  products: a.products + b.products,
  attention: a.attention + b.attention,
  scan: a.scan + b.scan,
  again: a.again + b.again,
  total: a.total + b.total,
});

/** A pass forward is two operations for each multiplication and addition, a pass backward twice as many. */
const FORWARD = 2;
const BOTH = 6;
/** Where weights stay, their gradients are not computed. */
const BOTH_WITHOUT_WEIGHTS = 4;

function planStage(config: TrainingConfig, stage: Stage, { model }: PlanOptions) {
  const { first, steps, sequence, batch, accumulate } = stage;
  const declared = declareModel({ ...model, ...stage.config }, undefined, config);
  const lengths = Array.from({ length: batch }, () => sequence);
  const counts = multiplyAddsOf(declared.model, lengths);
  const passes = steps * accumulate;
  const ofWeights = config.train === 'full' ? BOTH : BOTH_WITHOUT_WEIGHTS;
  const products = passes * ofWeights * counts.products;
  const attention = passes * BOTH * counts.attention;
  const scan = passes * BOTH * counts.scan;
  const again = config.recompute ? passes * FORWARD * (counts.products + counts.attention + counts.scan) : 0;
  const total: PlannedFlops = { products, attention, scan, again, total: products + attention + scan + again };
  const tokensPerStep = sequence * batch * accumulate;
  return {
    stage: {
      ...{ first, steps, sequence, batch, accumulate, tokensPerStep },
      config: stage.config,
      flopsPerStep: total.total / steps,
    },
    total,
    activations: activationsOf(config, declared, { lengths, recompute: config.recompute }),
  };
}

function activationsOf(config: TrainingConfig, { model, tensors }: DeclaredModel, size: PassSize): number {
  if (config.train !== 'senses') return withGaps(passBytes(model, differentiated(config, tensors), size), size);
  checkSenses(model);
  return withGaps(sensePassBytes(model, mostSenses(config), size), size);
}

/** On accelerators without what is computed again: whether their run did that is not known. */
function planTime({ total, again }: PlannedFlops, { flopsPerSecond, hardware }: PlanOptions): PlannedTime {
  const here = flopsPerSecond === undefined ? undefined : total / flopsPerSecond;
  if (!hardware) return { here, deviceHours: undefined, utilisation: undefined, published: undefined };
  const { peakFlops, deviceHours: published } = hardware;
  const atPeak = (total - again) / peakFlops / 3600;
  const utilisation = published === undefined ? USUAL_UTILISATION : atPeak / published;
  return { here, deviceHours: atPeak / utilisation, utilisation, published };
}
