/**
 * Which epoch of sense fine-tuning is the result (arXiv 2402.06155; trainer.py of its authors): the last one after which the loss on other texts
 * was below (1 + tolerance) times that before training; none, and so no change, if there was no such epoch. Other texts are the held-out ones, or
 * without these the rows by which senses were selected.
 */
import type { TrainingConfig } from '../config.ts';
import { examplesOf } from '../examples.ts';
import type { Examples } from '../pass.ts';
import type { RunData } from '../run-data.ts';
import type { Stage } from '../schedules/stages.ts';
import { stagesFor } from '../stages-for.ts';
import type { Trainer, TrainStep } from '../trainer.ts';
import type { SenseChanges } from './changes.ts';
import { stepsPerEpoch } from './options.ts';
import { sensesOf } from './trainer.ts';

export class GeneralLoss {
  readonly #evaluate: () => Promise<number>;
  readonly #keep: () => Promise<void>;
  readonly #limit: number;
  readonly #every: number;

  private constructor(evaluate: () => Promise<number>, keep: () => Promise<void>, limit: number, every: number) {
    this.#evaluate = evaluate;
    this.#keep = keep;
    this.#limit = limit;
    this.#every = every;
  }

  /** Measures the loss before training. */
  static async begin(
    trainer: Trainer,
    changes: SenseChanges,
    config: TrainingConfig,
    data: RunData,
  ): Promise<GeneralLoss> {
    const { tolerance } = sensesOf(config);
    const evaluate = () => trainer.evaluate(data.validation?.() ?? background(config, data));
    const before = await evaluate();
    const every = stepsPerEpoch(sensesOf(config), config);
    return new GeneralLoss(evaluate, () => changes.keep(), (1 + tolerance) * before, every);
  }

  /** After `steps` steps: nothing within an epoch. */
  async after(steps: number): Promise<Pick<TrainStep, 'generalLoss' | 'isKept'>> {
    if (steps % this.#every !== 0) return {};
    const generalLoss = await this.#evaluate();
    const isKept = generalLoss < this.#limit;
    if (isKept) await this.#keep();
    return { generalLoss, isKept };
  }
}

async function* background(config: TrainingConfig, data: RunData): AsyncGenerator<Examples> {
  const rows = data.rowsOf(stagesFor(config)[0] as Stage);
  const count = Math.min(sensesOf(config).backgroundRows, rows.count);
  for (let place = 0; place < count; place += config.batch) {
    const some = Array.from({ length: Math.min(config.batch, count - place) }, (_, i) => rows.row(place + i));
    yield examplesOf(await Promise.all(some));
  }
}
