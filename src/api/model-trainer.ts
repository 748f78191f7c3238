/** Training of a loaded model: steps, losses on held-out data, gradients, and the state from which training goes on. */
import { eager } from '../backends/eager.ts';
import { UsageError } from '../base/errors.ts';
import type { StoredTensor } from '../checkpoint/safetensors.ts';
import type { SavedFile, SavedTensor } from '../checkpoint/save.ts';
import { prepareMemory } from '../data/prepare.ts';
import type { InterventionSet } from '../interventions/intervention.ts';
import { type TrainingConfig, type TrainingOptions, trainingConfig } from '../training/config.ts';
import { type RunData, runData } from '../training/run-data.ts';
import type { Stage } from '../training/schedules/stages.ts';
import { type Segment, segmentsOf } from '../training/segments.ts';
import { GeneralLoss } from '../training/senses/general-loss.ts';
import { senseChanges } from '../training/senses/trainer.ts';
import { stagesFor } from '../training/stages-for.ts';
import type { Trainable } from '../training/trainable.ts';
import type { Trainer, TrainStep } from '../training/trainer.ts';
import { checkTraining, type PreparedTrainer, trainerFor } from '../training/trainer-for.ts';
import type { ModelParts } from './model-parts.ts';
import { checkSamples, type TrainingSample, writeSamples } from './training-samples.ts';

/** A configuration, whose model is there. */
export type ModelTrainingOptions = Omit<TrainingOptions, 'model' | 'initialize'>;

/** Prepares data that is in memory and makes the trainer. */
export async function modelTrainer(parts: ModelParts, options: ModelTrainingOptions): Promise<ModelTrainer> {
  const { opened } = parts;
  const config = trainingConfig({ model: opened.checkpoint.folder.name, ...options }, 'the options of trainer');
  checkTraining(opened, config);
  checkSamples(opened, config);
  const { tokenizer, model } = opened;
  const chatTemplate = tokenizer && (await opened.chatTemplate());
  const context = { seed: config.seed, vocabSize: model.facts.vocabSize, tokenizer, chatTemplate };
  const data = await runData(config, (some) => prepareMemory(some, context));
  return ModelTrainer.create(parts, config, data);
}

/** A step, and what the model wrote after it where `samples` asks for texts. */
export interface SampledStep extends TrainStep {
  readonly samples?: readonly TrainingSample[] | undefined;
}

/** Names of the optimiser's tensors: the name of the trained tensor behind one of these, as PyTorch calls them. */
const MOMENTS = { m: 'exp_avg.', v: 'exp_avg_sq.' } as const;

export class ModelTrainer {
  readonly #trainer: Trainer;
  readonly #trainable: Trainable;
  readonly #ops: PreparedTrainer['ops'];
  /** The adapter in training, whose `files` are those of PEFT; undefined when weights of the model are trained. */
  readonly lora: PreparedTrainer['lora'];
  readonly #senses: PreparedTrainer['senses'];
  /** Chooses the epoch of sense fine-tuning that is the result. */
  readonly #general: GeneralLoss | undefined;
  readonly #data: RunData;
  readonly #config: TrainingConfig;
  readonly #parts: ModelParts;
  /** Steps after which this trainer ends. */
  readonly steps: number;

  private constructor(
    { trainer, trainable, lora, senses, ops }: PreparedTrainer,
    [parts, config, data]: readonly [ModelParts, TrainingConfig, RunData],
    steps: number,
    general: GeneralLoss | undefined,
  ) {
    this.#trainer = trainer;
    this.#trainable = trainable;
    this.lora = lora;
    this.#ops = ops;
    this.#parts = parts;
    this.#config = config;
    this.#senses = senses;
    this.#general = general;
    this.#data = data;
    this.steps = steps;
  }

  /**
   * Trains a part of a run, by default all of it. Allocates gradients and moments. Throws UsageError when the model cannot be trained as
   * configured, and when the run changes config.json on its way: that needs a model opened anew for each part.
   */
  static async create(
    model: ModelParts,
    config: TrainingConfig,
    data: RunData,
    segment?: Segment,
  ): Promise<ModelTrainer> {
    const [first, ...others] = segmentsOf(stagesFor(config));
    const part = segment ?? (first as Segment);
    if (!segment && (others.length > 0 || Object.keys(part.config).length > 0))
      throw new UsageError(
        'stages that change config or weightDecay need the model opened anew: train from the command line, or each stage by itself.',
      );
    const { opened, engine } = model;
    const { backend } = engine;
    const parts = { opened, backend, tracer: eager(backend) };
    const rows = data.rowsOf(stagesFor(config)[0] as Stage);
    const senses = config.train === 'senses' ? await senseChanges(parts, config, rows) : undefined;
    const prepared = trainerFor(parts, config, data.rowsOf, part, senses);
    await prepared.lora?.prepare();
    const general = senses && (await GeneralLoss.begin(prepared.trainer, senses, config, data));
    return new ModelTrainer(prepared, [model, config, data], part.end, general);
  }

  /** Number of the next step, from 0 on. */
  get step(): number {
    return this.#trainer.step;
  }

  /**
   * All steps that are left; afterwards, also after a signal, the model generates with the new weights. An aborted signal ends the run between
   * two steps, by throwing its reason. Throws DivergedError when the loss is not finite.
   */
  async *run(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<SampledStep> {
    try {
      while (this.step < this.steps) {
        options.signal?.throwIfAborted();
        const step = await this.next();
        const samples = await this.samples();
        yield samples ? { ...step, samples } : step;
      }
    } finally {
      await this.settle();
    }
  }

  /** One step. */
  async next(): Promise<TrainStep> {
    const step = await this.#trainer.next();
    return { ...step, ...(await this.#general?.after(this.step)) };
  }

  /** Losses of the present step; its gradients, not clipped, are then in `gradientTensors`. The weights stay as they are. */
  gradients(): Promise<TrainStep> {
    return this.#trainer.gradients();
  }

  /** The gradients of the last step, f32, by the names and in the shapes of the checkpoint. */
  gradientTensors(): SavedTensor[] {
    return this.#trainable.saved((weight) => this.#trainer.optimizer.valueOf(weight, 'gradient'));
  }

  /** Mean cross-entropy of the held-out data, in nats per target. Throws UsageError when there is none. */
  async evaluate(signal?: AbortSignal): Promise<number> {
    const { validation } = this.#data;
    if (!validation) throw new UsageError('the data has no part for validation: set data.validation, such as 0.01.');
    return this.#trainer.evaluate(validation(signal), signal);
  }

  /** Texts of the present weights, after a step where `samples` asks for them, and after the last; undefined after others. */
  async samples(): Promise<TrainingSample[] | undefined> {
    const { samples } = this.#config;
    if (!samples || (this.step % samples.every !== 0 && this.step !== this.steps)) return undefined;
    await this.settle();
    return writeSamples(this.#parts, this.#ops, this.#config, this.#senses?.interventions());
  }

  /** The trained weights and the moments of the optimiser, f32, by the names of the checkpoint. */
  state(): { readonly weights: SavedTensor[]; readonly moments: SavedTensor[] } {
    const named = (prefix: string, tensors: readonly SavedTensor[]) =>
      tensors.map((tensor) => ({ ...tensor, name: prefix + tensor.name }));
    const momentsOf = (which: keyof typeof MOMENTS) =>
      named(
        MOMENTS[which],
        this.#trainable.saved((weight) => this.#trainer.optimizer.valueOf(weight, which)),
      );
    return {
      weights: this.#trainable.saved((weight) => weight),
      moments: [...momentsOf('m'), ...momentsOf('v'), ...(this.#senses?.state() ?? [])],
    };
  }

  /** Goes on at a step, with moments that `state` gave then. The weights must be those of that time. Throws CheckpointError when one is missing. */
  async restore(step: number, moments: readonly StoredTensor[]): Promise<void> {
    for (const which of ['m', 'v'] as const) {
      const prefix = MOMENTS[which];
      const own = moments.filter(({ name }) => name.startsWith(prefix));
      const named = new Map(own.map((tensor) => [tensor.name.slice(prefix.length), tensor]));
      await this.#trainable.load((weight) => this.#trainer.optimizer.valueOf(weight, which), named);
    }
    await this.#senses?.restore(new Map(moments.map((tensor) => [tensor.name, tensor])));
    this.#trainer.step = step;
  }

  /** Fills the trained tensors of an adapter with those that `state` gave. The weights of a model are loaded with it. */
  async restoreAdapter(stored: readonly StoredTensor[]): Promise<void> {
    await this.lora?.load((weight) => weight, new Map(stored.map((tensor) => [tensor.name, tensor])));
  }

  /** The files of the adapter as PEFT reads them; undefined when no adapter is trained. */
  adapterFiles(): SavedFile[] | undefined {
    return this.lora?.files();
  }

  /**
   * What was added to senses until the last epoch that kept below the tolerance, as `interventions` of generate, score and others take it. Throws
   * UsageError when something else is trained.
   */
  interventions(): Required<InterventionSet> {
    if (!this.#senses) throw new UsageError('this trainer changes no senses: train "senses".');
    return this.#senses.interventions();
  }

  /** The same as files; undefined when something else is trained. */
  interventionFiles(): SavedFile[] | undefined {
    return this.#senses?.files();
  }

  /** Are all trained numbers finite? A step may make them so large that only the next one would show it. */
  async isFinite(): Promise<boolean> {
    for (const { bytes } of this.#trainable.saved((weight) => weight))
      for await (const { buffer, byteOffset, byteLength } of bytes())
        if (!new Float32Array(buffer, byteOffset, byteLength / 4).every(Number.isFinite)) return false;
    return true;
  }

  /** Makes the model ready for generation with the present weights; `run` does so at its end. */
  settle(): Promise<void> {
    return this.#trainer.settle();
  }

  /** Frees gradients and moments; the model stays. */
  dispose(): void {
    this.#trainer.dispose();
    this.lora?.dispose();
    this.#senses?.dispose();
  }
}
