/** From a checked configuration and an opened model to its trainer. What the configuration asks is checked before memory is taken. */
import type { Backend } from '../backends/backend.ts';
import { UsageError } from '../base/errors.ts';
import { derive } from '../loader/fill.ts';
import type { OpenedModel } from '../loader/open.ts';
import { Ops, type Tracer } from '../ops/index.ts';
import type { TrainingConfig } from './config.ts';
import { fullTrainable, trainedTensors } from './full.ts';
import { HalfWeights } from './half-weights.ts';
import { checkInnerNorm, isBlockNorm } from './inner-norm.ts';
import { type LoraOptions, LoraTraining, loraTensors } from './lora.ts';
import { checkUsed, matcher, type ParameterGroup, parameterGroups } from './parameter-groups.ts';
import { batchesOf, type Rows } from './places.ts';
import { lambdaAt } from './schedules/lambda.ts';
import { type Stage, stageAt } from './schedules/stages.ts';
import { type Segment, segmentsOf } from './segments.ts';
import type { SenseChanges } from './senses/changes.ts';
import { checkSenseTraining, senseObjective } from './senses/trainer.ts';
import { stagesFor } from './stages-for.ts';
import type { Trainable, TrainedTensor } from './trainable.ts';
import { Trainer } from './trainer.ts';

/** The formats of weights that this training needs: options for opening its model. */
export function openOptionsFor({ train, weights, lambda }: TrainingConfig) {
  return { weights: train === 'full' ? 'f32' : weights, roundsLinears: lambda !== undefined } as const;
}

/**
 * Throws UsageError when the model cannot be trained so. No weights are needed. Returns what will be trained, in groups. `segment`: the part of
 * the run for which the model was opened; default the first.
 */
export function checkTraining(
  opened: OpenedModel,
  config: TrainingConfig,
  segment = segmentsOf(stagesFor(config))[0] as Segment,
): ParameterGroup<TrainedTensor>[] {
  if (config.compute !== 'f32' && config.train !== 'full')
    throw new UsageError(
      `"compute": "${config.compute}" is for "train": "full": what "${config.train}" trains is f32, and "weights" says in what format the rest is.`,
    );
  checkInnerNorm(opened, config);
  if (config.lambda && !opened.rounding)
    throw new UsageError('lambda needs linear maps that can be rounded: load the model with { roundsLinears: true }.');
  checkContext(opened, config, segment);
  if (config.train === 'senses') {
    checkSenseTraining(opened, config);
    return [];
  }
  if (config.train === 'lora') return ownGroups(config, loraTensors(opened, loraOptions(config)));
  return groupsOf(opened, config, trainedTensors(opened.plan, frozenIn(opened, config)));
}

/** As the section 'lora' has them by default. */
const loraOptions = ({ lora, model }: TrainingConfig): LoraOptions => ({ rank: 8, alpha: 16, ...lora, base: model });

const ownGroups = ({ optimizer }: TrainingConfig, tensors: readonly TrainedTensor[]) =>
  parameterGroups(
    tensors,
    optimizer,
    tensors.map(({ name }) => name),
  );

function checkContext({ model }: OpenedModel, config: TrainingConfig, { first, end }: Segment): void {
  const { contextLength } = model.facts;
  const own = stagesFor(config).filter((stage) => stage.first >= first && stage.first < end);
  const longest = Math.max(...own.map(({ sequence }) => sequence));
  if (contextLength === undefined || longest <= contextLength) return;
  const row = 'ids' in config.data ? `data.ids has a row of ${longest + 1} ids` : `sequences have ${longest} tokens`;
  throw new UsageError(`${row}, but the model reads at most ${contextLength} tokens at once: take shorter ones.`);
}

function frozenIn({ plan }: OpenedModel, { freeze, innerNorm }: TrainingConfig): (name: string) => boolean {
  checkUsed('freeze', freeze, namesOf(plan));
  const isFrozen = matcher(freeze);
  return (name) => isFrozen(name) || (innerNorm && isBlockNorm(name));
}

const namesOf = ({ tensors }: OpenedModel['plan']): string[] => [...tensors.values()].map(({ name }) => name);

const groupsOf = (
  { plan }: OpenedModel,
  { optimizer }: TrainingConfig,
  tensors: readonly TrainedTensor[],
): ParameterGroup<TrainedTensor>[] => parameterGroups(tensors, optimizer, namesOf(plan));

export interface LoadedParts {
  /** Its weights are in the memory of the backend. */
  readonly opened: OpenedModel;
  readonly backend: Backend;
  readonly tracer: Tracer;
}

export interface PreparedTrainer {
  readonly trainer: Trainer;
  readonly trainable: Trainable;
  /** The adapter in training; undefined when weights of the model are trained. */
  readonly lora: LoraTraining | undefined;
  /** With which the model computes as in passes, with its adapter or the copies of its weights; after `trainer.settle()`. */
  readonly ops: Ops;
  /** What is added to senses; undefined when something else is trained. */
  readonly senses: SenseChanges | undefined;
}

/**
 * A trainer for the steps of one segment, by default the first; see segments.ts. `rowsOf`: the data of a stage. `senses`: what "train": "senses"
 * trains. Allocates gradients and moments. Throws UsageError as checkTraining does.
 */
export function trainerFor(
  { opened, backend, tracer }: LoadedParts,
  config: TrainingConfig,
  rowsOf: (stage: Stage) => Rows,
  segment = segmentsOf(stagesFor(config))[0] as Segment,
  senses?: SenseChanges,
): PreparedTrainer {
  const { optimizer, lambda, clip, zLoss, balance, recompute } = config;
  const own = { ...config, optimizer: { ...optimizer, weightDecay: segment.weightDecay } };
  const checked = checkTraining(opened, own, segment);
  const lora =
    config.train === 'lora' ? LoraTraining.allocate(opened, backend, loraOptions(config), config.seed) : undefined;
  const trainable = senses ?? lora ?? fullTrainable(opened.plan, backend, frozenIn(opened, config));
  const trained = senses ?? lora;
  const half = config.compute === 'bf16' ? new HalfWeights(backend, tracer, opened.plan, trainable.tensors) : undefined;
  const stages = stagesFor(config);
  const { rounding, plan, model } = opened;
  const parts = {
    ...{ model, backend, tracer, trainable },
    ...(lora ? { adapt: lora.adapt, prepare: () => lora.prepare() } : {}),
    ...(half ? { adapt: half.adapt, prepare: () => half.refresh() } : {}),
    half,
    taps: senses?.taps,
    async derive() {
      await derive(plan, backend, new Ops(tracer));
      await half?.refresh();
    },
    setLambda: rounding && ((now: number) => void Object.assign(rounding, { lambda: now })),
  };
  const trainer = new Trainer(parts, {
    ...{ clip, zLoss, balance, recompute },
    optimizer: {
      groups: trained ? ownGroups(own, trained.tensors) : checked,
      ...{ betas: optimizer.betas, eps: optimizer.eps },
    },
    lrAt: (step) => stageAt(stages, step).rate(step),
    lambdaAt: lambda && ((step) => lambdaAt(lambda, step)),
    examplesAt: (step) => batchesOf(stages, step, rowsOf),
    objective: senses && senseObjective(parts, own, checkSenseTraining(opened, own), rowsOf(stages[0] as Stage)),
    steps: segment.end,
  });
  const computes = lora ? lora.adapt(tracer) : (half?.adapt(tracer) ?? tracer);
  return { trainer, trainable, lora, senses, ops: new Ops(computes) };
}
