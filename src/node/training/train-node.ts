/** A training run in Node: opens the model, trains it, and writes metrics, checkpoints and the trained model. */
import { setImmediate } from 'node:timers/promises';
import type { SampledStep } from '../../api/model-trainer.ts';
import { writeFileWhole } from '../../checkpoint/output-node.ts';
import { checkOutputFile } from '../../checkpoint/output-place-node.ts';
import { safetensorsBytes } from '../../checkpoint/save.ts';
import { TrainingHistory } from '../../figures/training/index.ts';
import { type TrainingConfig, type TrainingOptions, trainingConfig } from '../../training/config.ts';
import { DivergedError } from '../../training/diverged.ts';
import { type Segment, segmentsOf } from '../../training/segments.ts';
import { stagesFor } from '../../training/stages-for.ts';
import { MetricsFile } from './metrics-node.ts';
import { historyIn, PlotFile } from './plot-node.ts';
import { RunFolder } from './run-folder-node.ts';
import { type Best, checkSameRun, type RunRecord, readRecord, recorded } from './run-record-node.ts';
import { type From, Session, type SessionOptions, type TrainTools } from './session-node.ts';

export interface TrainOptions extends SessionOptions {
  /** File for a line of JSON per step; default: metrics.jsonl in the folder of the run. */
  readonly metrics?: string | undefined;
  /** File for the gradients of the first step, safetensors. */
  readonly gradients?: string | undefined;
  /** File for a page with figures of the run, which is written again from time to time. */
  readonly plot?: string | undefined;
  /** Goes on with the run in the folder `out`, from its last checkpoint. */
  readonly resume?: boolean | undefined;
  /** Called after each step. */
  readonly onStep?: ((step: StepReport) => void | Promise<void>) | undefined;
}

export interface StepReport extends SampledStep {
  /** Steps of the whole run. */
  readonly steps: number;
  /** Seconds that the step took. */
  readonly seconds: number;
  /** Mean cross-entropy of the held-out data after the step, where it was evaluated. */
  readonly validationLoss?: number | undefined;
}

export interface TrainResult {
  /** Steps that are done. */
  readonly step: number;
  /** False when a signal ended the run; what was done is in a checkpoint, if there is a folder. */
  readonly isDone: boolean;
}

const METRICS = 'metrics.jsonl';

/** `version`: of this library. */
export async function trainRun(
  tools: TrainTools,
  version: string,
  given: TrainingOptions,
  options: TrainOptions = {},
): Promise<TrainResult> {
  const config = trainingConfig(given);
  for (const file of [options.metrics, options.gradients, options.plot])
    if (file !== undefined) await checkOutputFile(file);
  const folder = config.out === undefined ? undefined : await RunFolder.open(config.out, options.resume ?? false);
  try {
    const last = options.resume ? (await folder?.steps())?.at(-1) : undefined;
    const checkpoint = last === undefined ? undefined : folder?.checkpoint(last);
    const record = checkpoint === undefined ? undefined : await readRecord(checkpoint);
    if (record && folder) checkSameRun(folder.path, record, config, undefined);
    return await new Run(tools, version, config, folder, options, record?.best).go(
      record && checkpoint !== undefined ? { checkpoint, step: record.step, record } : undefined,
    );
  } finally {
    await folder?.close();
  }
}

class Run {
  readonly #tools: TrainTools;
  readonly #version: string;
  readonly #config: TrainingConfig;
  readonly #folder: RunFolder | undefined;
  readonly #options: TrainOptions;
  readonly #steps: number;
  #best: Best | undefined;
  #plot: PlotFile | undefined;

  constructor(
    tools: TrainTools,
    version: string,
    config: TrainingConfig,
    folder: RunFolder | undefined,
    options: TrainOptions,
    best: Best | undefined,
  ) {
    this.#tools = tools;
    this.#version = version;
    this.#config = config;
    this.#folder = folder;
    this.#options = options;
    this.#steps = (segmentsOf(stagesFor(config)).at(-1) as Segment).end;
    this.#best = best;
  }

  async go(begin: (From & { readonly record: RunRecord }) | undefined): Promise<TrainResult> {
    const segments = segmentsOf(stagesFor(this.#config));
    let from: From | undefined = begin;
    let metrics: MetricsFile | undefined;
    let session: Session | undefined;
    try {
      // Once more through the last segment when the run was done already: its result is written again.
      const left = segments.filter(({ end }, i) => end > (begin?.step ?? 0) || i === segments.length - 1);
      for (const segment of left) {
        await session?.close();
        session = await Session.open(this.#tools, this.#config, segment, from, this.#options, async ({ identity }) => {
          if (begin && this.#folder) checkSameRun(this.#folder.path, begin.record, this.#config, identity);
          if (!begin && from === undefined) await this.#folder?.saveConfig(this.#config);
        });
        const file = this.#options.metrics ?? this.#folder?.file(METRICS);
        this.#plot ??= this.#plotAfter(file, begin?.step ?? 0);
        if (file !== undefined) metrics ??= await MetricsFile.open(file, begin?.step ?? 0);
        if (!(await this.#train(session, segment, metrics))) return { step: session.trainer.step, isDone: false };
        if (segment !== segments.at(-1)) from = await this.#between(session, metrics);
      }
      if (session && this.#folder) {
        if (this.#config.checkpoint) await this.#save(session, metrics);
        await this.#folder.finish(session.result());
      }
      return { step: this.#steps, isDone: true };
    } catch (error) {
      await this.#plot?.write().catch(() => undefined); // what ended the run is to be told
      throw error;
    } finally {
      metrics?.close();
      await session?.close();
    }
  }

  #plotAfter(metrics: string | undefined, step: number): PlotFile | undefined {
    const { plot } = this.#options;
    if (plot === undefined) return undefined;
    const before = metrics === undefined || step === 0 ? undefined : historyIn(metrics, step);
    return new PlotFile(plot, this.#config, before ?? new TrainingHistory());
  }

  /** False when a signal ended it. */
  async #train(session: Session, { end }: Segment, metrics: MetricsFile | undefined): Promise<boolean> {
    const { trainer } = session;
    const { signal, gradients, onStep } = this.#options;
    while (trainer.step < end) {
      await setImmediate(); // so that a signal is handled
      if (signal?.aborted) {
        await this.#plot?.write();
        await this.#save(session, metrics);
        return false;
      }
      const begin = performance.now();
      const step = await trainer.next();
      const seconds = (performance.now() - begin) / 1000;
      // The update leaves the gradients as they were.
      if (gradients !== undefined && step.step === 0)
        await writeFileWhole(gradients, safetensorsBytes(trainer.gradientTensors()));
      const isBest = await this.#evaluate(session);
      const samples = await trainer.samples();
      const report = { ...step, steps: this.#steps, seconds, ...isBest.told, ...(samples ? { samples } : {}) };
      metrics?.write(report);
      await this.#plot?.add(report);
      await onStep?.(report);
      const { every } = this.#config.checkpoint ?? {};
      if (isBest.isSaved || (every !== undefined && trainer.step % every === 0)) await this.#save(session, metrics);
    }
    await this.#plot?.write();
    await trainer.settle();
    return true;
  }

  async #evaluate({ trainer, data }: Session): Promise<{ told: { validationLoss?: number }; isSaved: boolean }> {
    const { evaluate, checkpoint } = this.#config;
    const { step } = trainer;
    if (!data.validation || !evaluate || (step % evaluate.every !== 0 && step !== this.#steps))
      return { told: {}, isSaved: false };
    const loss = await trainer.evaluate();
    const isBest = this.#best === undefined || loss < this.#best.loss;
    if (isBest) this.#best = { step, loss };
    return { told: { validationLoss: loss }, isSaved: isBest && checkpoint?.best === true };
  }

  async #save(session: Session, metrics: MetricsFile | undefined): Promise<void> {
    if (!this.#folder) return;
    const { step } = session.trainer;
    if (!(await session.trainer.isFinite()))
      throw new DivergedError(
        `after step ${step - 1} there are weights that are not finite, so no checkpoint is written. Go on from the last one with a lower learning rate.`,
      );
    await session.trainer.settle();
    metrics?.sync();
    const { checkpoint } = this.#config;
    const facts = { step, config: { ...this.#config }, data: session.data.identity, version: this.#version };
    const best = checkpoint?.best === false ? undefined : this.#best;
    const files = recorded(session.state(), this.#best ? { ...facts, best: this.#best } : facts);
    await this.#folder.save(step, files, checkpoint?.keep ?? 2, best);
  }

  /** Between two segments the model is opened anew, from a checkpoint. */
  async #between(session: Session, metrics: MetricsFile | undefined): Promise<From> {
    if (!this.#folder)
      throw new DivergedError("stages that change config or weightDecay need a folder for checkpoints: give 'out'.");
    await this.#save(session, metrics);
    const { step } = session.trainer;
    return { checkpoint: this.#folder.checkpoint(step), step };
  }
}
