/** A training run in Node: opens the model, trains it, and writes metrics and the trained model. */
import type { LoadOptions, Model } from '../../api/model.ts';
import { partsOf } from '../../api/model.ts';
import { ModelTrainer } from '../../api/model-trainer.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { safetensorsBytes } from '../../checkpoint/save.ts';
import { checkNewFolder, writeFolderWhole } from '../../checkpoint/save-node.ts';
import { prepareData } from '../../data/prepare-node.ts';
import type { TokenizeProgress } from '../../data/tokenize-node.ts';
import type { OpenedModel, OpenOptions } from '../../loader/open.ts';
import { type TrainingOptions, trainingConfig } from '../../training/config.ts';
import { type RunData, runData } from '../../training/run-data.ts';
import { type Segment, segmentsOf } from '../../training/segments.ts';
import { stagesFor } from '../../training/stages-for.ts';
import type { TrainStep } from '../../training/trainer.ts';
import { checkTraining } from '../../training/trainer-for.ts';
import { dataContext } from '../data-node.ts';
import { MetricsFile } from './metrics-node.ts';
import { type Openers, openForTraining } from './open-node.ts';

export interface TrainOptions extends Pick<OpenOptions, 'signal' | 'onWarning'>, Pick<LoadOptions, 'onProgress'> {
  /** File for a line of JSON per step. */
  readonly metrics?: string | undefined;
  /** File for the gradients of the first step, safetensors. */
  readonly gradients?: string | undefined;
  readonly onTokenize?: ((progress: TokenizeProgress) => void) | undefined;
  /** Called after each step. */
  readonly onStep?: ((step: StepReport) => void | Promise<void>) | undefined;
}

export interface StepReport extends TrainStep {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Seconds that the step took. */
  readonly seconds: number;
  /** Mean cross-entropy of the held-out data after the step, where it was evaluated. */
  readonly validationLoss?: number | undefined;
}

/** How the entry point opens and loads models. */
export interface TrainTools extends Openers {
  load(opened: OpenedModel, options: LoadOptions): Promise<Model>;
}

export async function trainRun(tools: TrainTools, given: TrainingOptions, options: TrainOptions = {}): Promise<void> {
  const config = trainingConfig(given);
  const { out } = config;
  const { signal, onWarning, onProgress, metrics, gradients } = options;
  if (out !== undefined) await checkNewFolder(out);
  const segments = segmentsOf(stagesFor(config));
  const [segment] = segments as [Segment];
  const opened = await openForTraining(tools, config, segment, undefined, { signal, onWarning });
  let data: RunData | undefined;
  try {
    checkTraining(opened, config);
    const context = await dataContext(opened, config.seed);
    const reports = { onWarning, signal, onProgress: options.onTokenize };
    data = await runData(config, (some) => prepareData(some, { ...context, ...reports }));
  } catch (error) {
    await opened.checkpoint.close();
    throw error;
  }
  const model = await tools.load(opened, { signal, onProgress, onWarning });
  const file = metrics === undefined ? undefined : await MetricsFile.open(metrics, 0);
  const steps = (segments.at(-1) as Segment).end;
  try {
    const trainer = new ModelTrainer(partsOf(model), config, data, segment);
    if (gradients !== undefined) {
      await trainer.gradients();
      await writeFileWhole(gradients, safetensorsBytes(trainer.gradientTensors()), { signal });
    }
    let begin = performance.now();
    for await (const step of trainer.run({ signal })) {
      const seconds = (performance.now() - begin) / 1000;
      const report = { ...step, steps, seconds };
      file?.write(report);
      await options.onStep?.(report);
      begin = performance.now();
    }
    if (out !== undefined) await writeFolderWhole(out, await model.files());
  } finally {
    file?.close();
    await data.close();
    await model.dispose();
  }
}
