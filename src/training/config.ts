/**
 * The configuration of a training run: one object, in JSON or as options of the library. Checks, types, defaults and
 * schemas/training.schema.json follow from these definitions.
 */
import { UsageError } from '../base/errors.ts';
import { checkData } from '../data/options.ts';
import { WEIGHT_FORMATS, type WeightFormat } from '../loader/formats.ts';
import { kinds, type Option, oneOf, option } from '../options/option.ts';
import { checkSection, type InputOf, list, section } from '../options/section.ts';
import { DATA } from './data-options.ts';
import { INITIALIZE } from './initialize/rules.ts';
import { OPTIMIZER } from './optimizer.ts';
import { LAMBDA } from './schedules/lambda.ts';
import { SCHEDULE } from './schedules/learning-rate.ts';
import { STAGE } from './schedules/stages.ts';
import { SENSES, stepsPerEpoch } from './senses/options.ts';

/** Low-rank adapters (arXiv 2106.09685), by the names of PEFT's LoraConfig. */
const LORA = section({
  rank: option(kinds.fromOne, 'rank of the adapters', 8),
  alpha: option(kinds.positive, 'the adapters are multiplied by alpha / rank', 16),
  dropout: option(kinds.belowOne, 'probability with which an input of an adapter is left out in training', 0),
  targets: option(
    kinds.texts,
    'linear maps that get an adapter, * for any part of a name (default: all of the blocks)',
  ),
});

/** Losses that keep the load of experts even; see docs/training.md. */
const BALANCE = section(
  {
    /** transformers: one loss over all layers. dolomite: IBM's engine, summed over layers. megablocks: mean over layers. */
    name: option(oneOf(['transformers', 'dolomite', 'megablocks']), 'definition of the loss'),
    coefficient: option(kinds.notNegative, 'factor of the loss'),
    /** Within the coefficient: times the mean of logsumexp^2 of the router's scores. */
    zLoss: option(
      kinds.notNegative,
      "factor, before the coefficient, of the mean squared logsumexp of the router's scores",
      0,
    ),
  },
  ['name', 'coefficient'],
);

const every = (what: string) => option(kinds.fromOne, `steps between two ${what}`);

const EVALUATE = section(
  { every: every('evaluations'), batches: option(kinds.fromOne, 'most batches of one evaluation') },
  ['every'],
);
const CHECKPOINT = section(
  {
    every: every('checkpoints'),
    keep: option(kinds.fromOne, 'checkpoints that are kept beside the best one', 2),
    best: option(kinds.flag, 'keep the checkpoint with the lowest validation loss', true),
  },
  ['every'],
);
const SAMPLES = section(
  {
    every: option(kinds.fromOne, 'steps between two samples', 100),
    prompts: option(kinds.texts, 'beginnings of texts that the model continues'),
    maxNewTokens: option(kinds.fromOne, 'most tokens of each continuation', 40),
    temperature: option(kinds.notNegative, 'above 0: draw tokens, by the seed of the run; 0: take the likeliest', 0),
  },
  ['prompts'],
);

export const TRAINING_OPTIONS = {
  /** Address of the JSON Schema, for editors. */
  $schema: option(kinds.text, 'address of this schema, for editors'),
  /** Folder or Hub id of the checkpoint to start from. With `initialize`, only its config.json and tokenizer are read. */
  model: option(kinds.text, 'folder or Hub id of the checkpoint to start from'),
  /** Folder or Hub id of the tokenizer; default that of `model`. */
  tokenizer: option(kinds.text, 'folder or Hub id of the tokenizer (default: that of model)'),
  /** A new model instead of the weights of a checkpoint. */
  initialize: option(INITIALIZE, 'a new model instead of the weights of a checkpoint'),
  /** What is trained: all parameters, low-rank adapters, or chosen sense vectors. */
  train: option(
    oneOf(['full', 'lora', 'senses']),
    'what is trained: all parameters, adapters, or sense vectors',
    'full',
  ),
  /** Tensors that stay as they are: names as in the checkpoint, `*` for any part. */
  freeze: option(kinds.texts, 'tensors that stay as they are, * for any part of a name', []),
  lora: option(LORA, 'the adapters of "train": "lora"'),
  senses: option(SENSES, 'the examples of "train": "senses"'),
  data: option(DATA, 'where the tokens come from'),
  /** Sequences that are computed together. */
  batch: option(kinds.fromOne, 'sequences that are computed together', 1),
  /** Batches whose gradients are added up for one step of the optimiser. */
  accumulate: option(kinds.fromOne, 'batches whose gradients are added up for one step', 1),
  /** Steps of the optimiser; not with `stages`. Default with "train": "senses": those of `senses.epochs`. */
  steps: option(kinds.fromOne, 'steps of the optimiser (default for senses: those of senses.epochs)'),
  stages: option(list(STAGE), 'parts of the run with lengths, batches or rates of their own, instead of steps'),
  optimizer: option(OPTIMIZER, 'the optimiser and its learning rate'),
  schedule: option(SCHEDULE, 'how the learning rate changes', { name: 'constant', warmup: 0, warmupOffset: 1 }),
  /** Gradients are scaled so that their global norm is at most this; default: they are not. */
  clip: option(kinds.positive, 'largest global norm of the gradients (default: any)'),
  /** Times the mean of logsumexp(logits)^2, added to the loss. */
  zLoss: option(kinds.notNegative, 'factor of the mean squared logsumexp of the logits in the loss', 0),
  balance: option(BALANCE, 'loss that keeps the load of experts even'),
  /** Quantisation-aware training of 1.58-bit layers; without it, layers are as in the checkpoint. */
  lambda: option(LAMBDA, 'strength of 1.58-bit quantisation in each step'),
  /** For new models with `lambda`: a norm before each ternary layer in place of the two of each block. */
  innerNorm: option(
    kinds.flag,
    'for new models with lambda: a norm before each ternary layer in place of those of the blocks',
    false,
  ),
  /** Numbers in which passes compute; masters, gradients and the optimiser are f32. */
  compute: option(oneOf(['f32', 'bf16']), 'numbers of the weights in passes; masters are f32', 'f32'),
  /** Format of weights that are not trained, as when a model is loaded. */
  weights: option(oneOf<WeightFormat>(WEIGHT_FORMATS), 'format of weights that stay', 'auto'),
  /** Saves memory: what a block computes is computed again for its gradients. */
  recompute: option(kinds.flag, 'compute each block again for its gradients, which saves memory', false),
  seed: option(kinds.seed, 'same seed, same run', 0),
  /** Folder for checkpoints, metrics and the final model. */
  out: option(kinds.text, 'folder for checkpoints, metrics and the trained model'),
  evaluate: option(EVALUATE, 'loss on held-out data'),
  checkpoint: option(CHECKPOINT, 'checkpoints during the run'),
  samples: option(SAMPLES, 'texts that are written during the run'),
};

export const TRAINING = section(TRAINING_OPTIONS, ['data', 'optimizer']);

/** A configuration as it is written. */
export type TrainingOptions = InputOf<typeof TRAINING>;

/** A configuration with its defaults filled in. */
export type TrainingConfig = typeof TRAINING extends Option<infer T> ? T : never;

/**
 * Checks a configuration and fills in its defaults. Throws UsageError that names the key, what came and what was wanted.
 * `who`: for messages, such as the name of the file.
 */
export function trainingConfig(value: unknown, who = 'the configuration'): TrainingConfig {
  const config = withEpochs(checkSection(who, value, TRAINING));
  checkData(config.data);
  const wrong = (problem: string) => new UsageError(`${who} ${problem}`);
  if (config.model === undefined && config.initialize?.config === undefined)
    throw wrong("has no 'model', wanted a folder or a Hub id, or 'initialize' with a 'config' for a new model.");
  if (config.senses && config.train !== 'senses')
    throw wrong(`has 'senses' but trains '${config.train}': add "train": "senses".`);
  if (config.train === 'senses' && !config.senses)
    throw wrong(`has no 'senses', wanted { "examples": [{ "prefix": ..., "suffix": ... }] }.`);
  if (config.steps === undefined && config.stages === undefined)
    throw wrong("has no 'steps', wanted a whole number from 1 on.");
  if (config.steps !== undefined && config.stages !== undefined)
    throw wrong("has both 'steps' and 'stages', wanted one of them: stages have their own numbers of steps.");
  if (config.stages?.length === 0) throw wrong("has no stage in 'stages', wanted at least one.");
  if (config.lora && config.train !== 'lora')
    throw wrong(`has 'lora' but trains '${config.train}': add "train": "lora".`);
  if (config.train === 'full' && !['auto', 'f32'].includes(config.weights))
    throw wrong(
      `has 'weights': "${config.weights}" but trains 'full', with masters in f32: leave it out, or train 'lora'. "compute": "bf16" is for passes in bf16.`,
    );
  const above = floorAbove(config);
  if (above) throw wrong(above);
  if (config.initialize && config.train !== 'full')
    throw wrong(
      `begins a new model, whose '${config.train}' alone cannot be trained: remove 'initialize', or train 'full'.`,
    );
  return config;
}

/** What is wrong where a schedule would end above the rate that it begins with; undefined where none does. */
function floorAbove({ schedule, optimizer, stages = [] }: TrainingConfig): string | undefined {
  const own = stages.map((stage, i) => ({
    at: stage.schedule ? `stages[${i}].schedule` : 'schedule',
    schedule,
    ...stage,
  }));
  for (const { at, schedule: one = schedule, lr = optimizer.lr } of [
    { at: 'schedule', schedule, lr: optimizer.lr },
    ...own,
  ])
    if ('floor' in one && one.floor > lr)
      return `has '${at}.floor': ${one.floor}, but the highest rate there is ${lr}: wanted a floor that is not above it.`;
  return undefined;
}

/** Sense fine-tuning may count in epochs. */
function withEpochs(config: TrainingConfig): TrainingConfig {
  const { senses, steps, stages } = config;
  if (!senses || steps !== undefined || stages !== undefined || senses.examples.length === 0) return config;
  return { ...config, steps: senses.epochs * stepsPerEpoch(senses, config) };
}

/** The configuration in a text of JSON. Throws UsageError. `name`: of its file, for messages. */
export function parseTrainingConfig(text: string, name: string): TrainingConfig {
  return trainingConfig(parseJson(text, name), name);
}

export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is no JSON: ${(error as Error).message}`);
  }
}
