/** One part of a run with one opened model: from its opening to its trainer, at the step where the run stands. */
import { type LoadOptions, type Model, partsOf } from '../../api/model.ts';
import { ModelTrainer } from '../../api/model-trainer.ts';
import { checkSamples } from '../../api/training-samples.ts';
import { CheckpointError } from '../../base/errors.ts';
import { openLocalFile } from '../../checkpoint/folder-node.ts';
import { readSafetensors, type StoredTensor } from '../../checkpoint/safetensors.ts';
import { type SavedFile, safetensorsBytes } from '../../checkpoint/save.ts';
import { prepareData } from '../../data/prepare-node.ts';
import type { TokenizeProgress } from '../../data/tokenize-node.ts';
import type { OpenedModel, OpenOptions } from '../../loader/open.ts';
import type { TrainingConfig } from '../../training/config.ts';
import { trainingBytes } from '../../training/needed-memory.ts';
import { type RunData, runData } from '../../training/run-data.ts';
import type { Segment } from '../../training/segments.ts';
import { dataContext } from '../data-node.ts';
import { type Openers, openForTraining } from './open-node.ts';

/** How the entry point opens and loads models. */
export interface TrainTools extends Openers {
  load(opened: OpenedModel, options: LoadOptions): Promise<Model>;
  /** Throws UsageError when there is not so much memory. */
  checkMemory(bytes: number, onWarning: OpenOptions['onWarning']): void;
}

export interface SessionOptions extends Pick<OpenOptions, 'signal' | 'onWarning'>, Pick<LoadOptions, 'onProgress'> {
  readonly onTokenize?: ((progress: TokenizeProgress) => void) | undefined;
}

/** Where a run goes on: the folder of a checkpoint, and its step. */
export interface From {
  readonly checkpoint: string;
  readonly step: number;
}

const OPTIMIZER = 'optimizer.safetensors';
const ADAPTER = 'adapter_model.safetensors';

export class Session {
  readonly model: Model;
  readonly trainer: ModelTrainer;
  readonly data: RunData;
  /** Files of the model. Their bytes are read when they are written, but config and tokenizer are known: the folder they came from may go. */
  readonly #files: readonly SavedFile[];

  private constructor(model: Model, trainer: ModelTrainer, data: RunData, files: readonly SavedFile[]) {
    this.model = model;
    this.trainer = trainer;
    this.data = data;
    this.#files = files;
  }

  /** `checked`: called with what is known before weights are read, and may throw. */
  static async open(
    tools: TrainTools,
    config: TrainingConfig,
    segment: Segment,
    from: From | undefined,
    options: SessionOptions,
    checked: (data: RunData, opened: OpenedModel) => void | Promise<void> = () => {},
  ): Promise<Session> {
    const { signal, onWarning, onProgress, onTokenize } = options;
    const weights = config.train === 'full' ? from?.checkpoint : undefined;
    const opened = await openForTraining(tools, config, segment, weights, { signal, onWarning }, (bytes) =>
      tools.checkMemory(bytes, undefined),
    );
    let data: RunData | undefined;
    try {
      tools.checkMemory(trainingBytes(opened, config, segment), onWarning);
      checkSamples(opened, config);
      const context = { ...(await dataContext(opened, config.seed)), onWarning, signal, onProgress: onTokenize };
      data = await runData(config, (some) => prepareData(some, context));
      if (config.evaluate && !data.validation)
        onWarning?.(
          "'evaluate' measures nothing, as no data is held out: set data.validation, such as 0.01, or data.validationFiles.",
        );
      await checked(data, opened);
    } catch (error) {
      await data?.close();
      await opened.checkpoint.close();
      throw error;
    }
    let model: Model | undefined;
    try {
      model = await tools.load(opened, { signal, onProgress, onWarning });
      const trainer = await ModelTrainer.create(partsOf(model), config, data, segment);
      if (from) await restore(trainer, from, config.train === 'lora');
      return new Session(model, trainer, data, await model.files());
    } catch (error) {
      await data.close();
      await model?.dispose();
      throw error;
    }
  }

  /** The files of the trained model, of the adapter, or of the interventions on senses. */
  result(): readonly SavedFile[] {
    return this.trainer.adapterFiles() ?? this.trainer.interventionFiles() ?? this.#files;
  }

  /** Those, and the moments of the optimiser. */
  state(): SavedFile[] {
    const { moments } = this.trainer.state();
    return [...this.result(), { name: OPTIMIZER, bytes: () => safetensorsBytes(moments) }];
  }

  async close(): Promise<void> {
    this.trainer.dispose();
    await this.data.close();
    await this.model.dispose();
  }
}

async function restore(trainer: ModelTrainer, { checkpoint, step }: From, isAdapter: boolean): Promise<void> {
  if (isAdapter) await withTensors(`${checkpoint}/${ADAPTER}`, (tensors) => trainer.restoreAdapter(tensors));
  await withTensors(`${checkpoint}/${OPTIMIZER}`, (tensors) => trainer.restore(step, tensors));
}

async function withTensors(file: string, use: (tensors: readonly StoredTensor[]) => Promise<void>): Promise<void> {
  const source = await openLocalFile(file);
  if (!source) throw new CheckpointError(`there is no ${file}: the checkpoint is not complete.`);
  try {
    await use(await readSafetensors(source));
  } finally {
    await source.close();
  }
}
