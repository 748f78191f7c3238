/**
 * Training of a low-rank adapter (LoRA, arXiv 2106.09685): the weights of the model are frozen, in any format. A begins as in PEFT, uniform within
 * 1 / sqrt(dIn) (torch's kaiming_uniform_ with a = sqrt(5)), and B with zeros, so that training begins with the model as it is.
 */
import { adapted, type Changes, type LowRank } from '../adapters/adapted.ts';
import { chooseTargets } from '../adapters/choose.ts';
import { CONFIG_FILE } from '../adapters/config.ts';
import { WEIGHTS_FILE } from '../adapters/file.ts';
import { checkRuns, expertsFirst, expertsLast, floatsOf, innerNorms, LiveTensors, shapesOf } from '../adapters/live.ts';
import { type PeftNames, peftConfig, peftNames, peftShapes } from '../adapters/peft.ts';
import { isParameter, type Target, targetsOf } from '../adapters/target.ts';
import type { Backend } from '../backends/backend.ts';
import { CheckpointError, UsageError } from '../base/errors.ts';
import { type Shape, show, size, type Tensor } from '../base/tensor.ts';
import { pythonJson } from '../checkpoint/python-json.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import { type SavedFile, type SavedTensor, safetensorsBytes } from '../checkpoint/save.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { Tracer } from '../ops/index.ts';
import { type DropoutPlace, dropoutFactors } from './dropout.ts';
import { uniformPairs } from './initialize/random-numbers.ts';
import type { Trainable, TrainedTensor } from './trainable.ts';

export interface LoraOptions {
  readonly rank: number;
  /** B A is multiplied by alpha / rank. */
  readonly alpha: number;
  /** Names of linear maps (adapters/choose.ts); default all of the blocks. */
  readonly targets?: readonly string[] | undefined;
  /** Probability with which a number of an input of an adapter is left out in training, below 1; default 0. Not with experts, as in PEFT. */
  readonly dropout?: number | undefined;
  /** Name of the model, for adapter_config.json. */
  readonly base?: string | undefined;
}

/** The linear maps that get an adapter. Throws UsageError as LoraTraining.allocate. */
export function checkLora(opened: OpenedModel, { rank, alpha, targets: names, dropout = 0 }: LoraOptions): Target[] {
  if (!(dropout >= 0 && dropout < 1))
    throw new UsageError(`dropout came as ${dropout}, wanted a number from 0 on and below 1.`);
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw new UsageError(`rank came as ${rank}, wanted a whole number from 1 on.`);
  if (!Number.isFinite(alpha)) throw new UsageError(`alpha came as ${alpha}, wanted a finite number.`);
  const targets = chooseTargets(opened, names);
  if (targets.length === 0) throw new UsageError('the list of targets is empty: nothing is left to train.');
  for (const target of targets) checkRuns(target);
  const parameter = targets.find(isParameter);
  if (dropout > 0 && parameter)
    throw new UsageError(
      `dropout came as ${dropout}, but ${parameter.parameter} is a parameter, not a linear layer, and PEFT has no dropout there: give 0, or other targets.`,
    );
  return targets;
}

/** The tensors of an adapter that is not in memory yet. */
export function loraTensors(opened: OpenedModel, options: LoraOptions): TrainedTensor[] {
  const targets = checkLora(opened, options);
  const names = peftNames(targets);
  return targets.flatMap((target) => {
    const { a, b } = names.get(target) as PeftNames;
    const shapes = peftShapes(target, options.rank);
    return [
      { name: a, shape: shapes.a, weights: [] },
      { name: b, shape: shapes.b, weights: [] },
    ];
  });
}

/** A matrix in training, with its name and shape in the file of PEFT. */
interface Matrix {
  readonly name: string;
  readonly shape: Shape;
  readonly tensor: Tensor;
  /** [X, N, r] of a B of experts, which the file orders otherwise. */
  readonly experts: readonly [number, number, number] | undefined;
}

export class LoraTraining implements Trainable {
  readonly changes: Changes;
  readonly #matrices: readonly Matrix[];
  readonly #opened: OpenedModel;
  readonly #backend: Backend;
  readonly #memory: LiveTensors;
  readonly #options: LoraOptions;
  readonly #seed: number;
  #prepared: Promise<void> | undefined;

  private constructor(
    [opened, backend, memory, options]: readonly [OpenedModel, Backend, LiveTensors, LoraOptions],
    changes: readonly LowRank[],
    seed: number,
  ) {
    this.#seed = seed;
    const targets = changes.map(({ target }) => target);
    const names = peftNames(targets);
    this.#opened = opened;
    this.#backend = backend;
    this.#memory = memory;
    this.#options = options;
    this.#matrices = changes.flatMap((change) => matricesOf(change, names.get(change.target) as PeftNames));
    this.changes = { changes, replaced: [], innerNorms: innerNorms(opened.plan, targets) };
  }

  /** As `allocate`, with the first values. */
  static async begin(opened: OpenedModel, backend: Backend, options: LoraOptions, seed: number): Promise<LoraTraining> {
    const lora = LoraTraining.allocate(opened, backend, options, seed);
    await lora.prepare();
    return lora;
  }

  /**
   * Allocates the matrices; `prepare` fills them. Throws UsageError, before memory is allocated, on names without a linear map and on options
   * that are not supported.
   */
  static allocate(opened: OpenedModel, backend: Backend, options: LoraOptions, seed: number): LoraTraining {
    const { rank, alpha } = options;
    const targets = checkLora(opened, options);
    const memory = new LiveTensors(backend);
    try {
      const changes = targets.map((target) => {
        const { a, b } = shapesOf(target, rank);
        return { target, rank, scale: alpha / rank, a: memory.allocate(a), b: memory.allocate(b) };
      });
      return new LoraTraining([opened, backend, memory, options], changes, seed);
    } catch (error) {
      memory.free();
      throw error;
    }
  }

  /** Fills the matrices with their first values, once. Not within a step. */
  prepare(): Promise<void> {
    this.#prepared ??= (async () => {
      for (const { target, a } of this.changes.changes)
        await this.#memory.fill(a, initialA(a.shape, target, this.#seed));
    })();
    return this.#prepared;
  }

  get tensors() {
    return this.#matrices.map(({ name, shape, tensor }) => ({ name, shape, weights: [tensor] }));
  }

  /** The tracer with which a pass computes the adapted model. With the place of a training pass, inputs of adapters are left out by chance. */
  readonly adapt = (tracer: Tracer, place?: DropoutPlace): Tracer => {
    const { dropout: rate = 0 } = this.#options;
    if (!place || rate === 0) return adapted(tracer, this.changes);
    return adapted(tracer, this.changes, (ops, x, { name }) =>
      ops.multiply(x, ops.upload(dropoutFactors(size(x.shape), { rate, seed: this.#seed, name }, place), x.shape)),
    );
  };

  saved(value: (weight: Tensor) => Tensor): SavedTensor[] {
    const read = async (x: Tensor) => (await this.#backend.read(x)) as Float32Array;
    return this.#matrices.map(({ name, shape, tensor, experts }) => ({
      name,
      shape,
      dtype: 'F32',
      async *bytes() {
        const numbers = await read(value(tensor));
        const { buffer, byteOffset, byteLength } = experts ? expertsLast(numbers, experts) : numbers;
        yield new Uint8Array(buffer, byteOffset, byteLength);
      },
    }));
  }

  async load(value: (weight: Tensor) => Tensor, from: ReadonlyMap<string, StoredTensor>): Promise<void> {
    await this.prepare();
    for (const { name, shape, tensor, experts } of this.#matrices) {
      const stored = from.get(name);
      if (!stored) throw new CheckpointError(`the values of '${name}' are missing.`);
      if (show(stored.shape) !== show(shape))
        throw new CheckpointError(`'${name}' is ${show(stored.shape)} in ${stored.file}, wanted ${show(shape)}.`);
      const numbers = await floatsOf(stored);
      const ordered = experts ? expertsFirst(numbers, experts) : numbers;
      const columns = tensor.shape.at(-1) as number;
      const bytes = new Uint8Array(ordered.buffer, ordered.byteOffset, ordered.byteLength);
      const block = {
        row: 0,
        column: 0,
        rows: size(shape) / columns,
        columns,
        dtype: 'f32' as const,
        transposed: false,
      };
      await this.#backend.fill(value(tensor), { ...block, bytes });
    }
  }

  /** The files of the adapter, as PEFT writes and reads them. */
  files(): SavedFile[] {
    const targets = this.changes.changes.map(({ target }) => target);
    const config = peftConfig(targets, targetsOf(this.#opened), this.#options);
    const text = new TextEncoder().encode(pythonJson(config));
    const weights = this.saved((weight) => weight).sort((a, b) => (a.name < b.name ? -1 : 1));
    return [
      { name: CONFIG_FILE, bytes: () => [text] },
      { name: WEIGHTS_FILE, bytes: () => safetensorsBytes(weights, { format: 'pt' }) },
    ];
  }

  /** Frees the matrices. */
  dispose(): void {
    this.#memory.free();
  }
}

function matricesOf({ target, rank, a, b }: LowRank, names: PeftNames): Matrix[] {
  const shapes = peftShapes(target, rank);
  const experts = target.experts === undefined ? undefined : ([target.experts, target.dOut, rank] as const);
  return [
    { name: names.a, shape: shapes.a, tensor: a, experts: undefined },
    { name: names.b, shape: shapes.b, tensor: b, experts },
  ];
}

function initialA(shape: Shape, { dIn, parameter }: Target, seed: number): Float32Array {
  const numbers = new Float32Array(size(shape));
  const pairs = uniformPairs(seed, `${parameter}.lora_A`);
  const pair = new Float64Array(2);
  const bound = 1 / Math.sqrt(dIn);
  for (let i = 0; i < numbers.length; i++) {
    if (i % 2 === 0) pairs(i / 2, pair);
    numbers[i] = (2 * (pair[i % 2] as number) - 1) * bound;
  }
  return numbers;
}
