/**
 * Trains: for each step the gradients of its batches, the norm, clipping, and the update. Knows neither files nor how the data was made; a step
 * depends only on its number, the weights and the moments, so a run goes on from a checkpoint as if it had never stopped.
 */
import { UsageError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { Ops } from '../ops/index.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { AdamW, type AdamWOptions } from './adamw.ts';
import { BalanceLoss, type BalanceOptions } from './balance.ts';
import { DivergedError } from './diverged.ts';
import type { HalfWeights } from './half-weights.ts';
import { type Examples, type PassParts, passOver } from './pass.ts';
import type { Trainable } from './trainable.ts';

export interface TrainerParts extends PassParts {
  /** Copies of the trained weights that passes read in their place. */
  readonly half?: HalfWeights | undefined;
  /** Awaited before the passes of a step. */
  readonly prepare?: (() => Promise<void>) | undefined;
  readonly trainable: Trainable;
  /** Computes weights that depend on others again, after weights have changed. */
  readonly derive: () => Promise<void>;
  /** Sets how far weights and inputs of linear maps are rounded; undefined where training rounds nothing. */
  readonly setLambda?: ((lambda: number) => void) | undefined;
}

export interface TrainerSettings {
  readonly optimizer: AdamWOptions;
  /** The learning rate of a step, which counts from 0. */
  readonly lrAt: (step: number) => number;
  readonly lambdaAt?: ((step: number) => number) | undefined;
  /** The batches of a step, whose gradients are added. */
  readonly examplesAt: (step: number) => Promise<readonly Examples[]>;
  /** Another loss than that of the targets of `examplesAt`. */
  readonly objective?: Objective | undefined;
  readonly steps: number;
  /** Largest norm of the gradients; default any. */
  readonly clip?: number | undefined;
  readonly zLoss?: number | undefined;
  readonly balance?: BalanceOptions | undefined;
  readonly recompute?: boolean | undefined;
}

/** What a step has found, but for the gradients. */
export type StepLosses = Pick<TrainStep, 'loss' | 'crossEntropy' | 'divergence' | 'tokens' | 'expertLoad'>;

/** Computes the losses of a step, and adds the gradients of the trained tensors, each to the tensor beside it. */
export type Objective = (step: number, trained: ReadonlyMap<Tensor, Tensor>) => Promise<StepLosses>;

export interface TrainStep {
  /** From 0 on. */
  readonly step: number;
  /** The whole loss of the step's batches, before the update. */
  readonly loss: number;
  /** Mean cross-entropy of the targets, in nats. */
  readonly crossEntropy: number;
  /** Where the loss has such a part, without its factor: nats by which predictions for a text differ from those before training. */
  readonly divergence?: number | undefined;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  readonly lr: number;
  readonly lambda?: number | undefined;
  /** Tokens read. */
  readonly tokens: number;
  /** Sense fine-tuning, after an epoch: the loss on other texts, and whether what was trained so far is the result. */
  readonly generalLoss?: number | undefined;
  readonly isKept?: boolean | undefined;
  /** Tokens that chose each expert, for each layer of experts. */
  readonly expertLoad?: readonly (readonly number[])[] | undefined;
}

export class Trainer {
  readonly optimizer: AdamW;
  readonly #parts: TrainerParts;
  readonly #settings: TrainerSettings;
  readonly #balance: BalanceLoss | undefined;
  #step = 0;

  /** Allocates gradients and moments. Throws UsageError on settings that do not suit the model. */
  constructor(parts: TrainerParts, settings: TrainerSettings) {
    this.#parts = parts;
    this.#settings = settings;
    if (settings.lambdaAt && !parts.setLambda)
      throw new UsageError('lambda needs linear maps that can be rounded: open the model for it.');
    const { backend, model, tracer } = parts;
    this.#balance = settings.balance && new BalanceLoss(backend, targetOf(model).sites, settings.balance);
    this.optimizer = new AdamW(backend, new Ops(tracer), settings.optimizer);
  }

  /** Number of the next step. */
  get step(): number {
    return this.#step;
  }

  /** For going on from a checkpoint, after weights and moments were filled. */
  set step(step: number) {
    this.#step = step;
  }

  /** All steps that are left. An aborted signal ends the run between two steps, by throwing its reason. */
  async *run({ signal }: { readonly signal?: AbortSignal | undefined } = {}): AsyncGenerator<TrainStep> {
    while (this.#step < this.#settings.steps) {
      signal?.throwIfAborted();
      yield await this.next();
    }
  }

  /** One step. Throws DivergedError when loss or gradients are not finite. */
  async next(): Promise<TrainStep> {
    const found = await this.gradients();
    const { clip } = this.#settings;
    const { step, loss, gradNorm, lr } = found;
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm)) {
      throw new DivergedError(
        `step ${step}: the loss is ${loss} and the norm of the gradients ${gradNorm}. The weights are those before this step. ` +
          'Go on from the last checkpoint with a lower learning rate, a longer warm-up or a smaller clip.',
      );
    }
    // As torch.nn.utils.clip_grad_norm_.
    const scale = clip === undefined ? 1 : Math.min(1, clip / (gradNorm + 1e-6));
    await this.optimizer.update({ lr, scale, step: step + 1 });
    this.#step++;
    return found;
  }

  get #trained(): ReadonlyMap<Tensor, Tensor> {
    const { trained } = this.optimizer;
    return this.#parts.half?.trained(trained) ?? trained;
  }

  /** The losses and gradients of the present step; the weights stay as they are. */
  async gradients(): Promise<TrainStep> {
    await this.#parts.prepare?.();
    const step = this.#step;
    const { lambdaAt, lrAt, objective = this.#ofTargets } = this.#settings;
    const lambda = lambdaAt?.(step);
    if (lambda !== undefined) this.#parts.setLambda?.(lambda);
    await this.optimizer.clear();
    const { loss, crossEntropy, tokens, ...others } = await objective(step, this.#trained);
    const gradNorm = await this.optimizer.norm();
    return { step, loss, crossEntropy, gradNorm, lr: lrAt(step), lambda, tokens, ...others };
  }

  /** The mean cross-entropy of the targets of all batches, z-loss, and the loss that keeps experts even. */
  readonly #ofTargets: Objective = async (step, trained) => {
    const { examplesAt, zLoss = 0, recompute } = this.#settings;
    const batches = await examplesAt(step);
    const targets = batches.reduce((sum, batch) => sum + countTargets(batch), 0);
    const tokens = batches.reduce((sum, batch) => sum + batch.targets.length, 0);
    if (targets === 0) throw new UsageError(`step ${step} has no targets: its rows are masked.`);
    let [crossEntropy, loss] = [0, 0];
    let expertLoad: number[][] | undefined;
    for (const [number, batch] of batches.entries()) {
      const share = batch.targets.length / tokens;
      const taps =
        this.#balance && ((ops: Ops) => (this.#balance as BalanceLoss).taps(ops, batch.targets.length, share));
      const sums = await passOver(this.#parts, batch, {
        ...{ trained, recompute, taps },
        place: { step, batch: number },
        perTarget: 1 / targets,
        perRow: zLoss / tokens,
      });
      crossEntropy += sums.crossEntropy / targets;
      loss += (zLoss * sums.squares) / tokens;
      if (!this.#balance) continue;
      const balance = await this.#balance.read(batch.targets.length);
      loss += share * balance.loss;
      expertLoad = balance.load.map((row, l) => Array.from(row, (count, e) => count + (expertLoad?.[l]?.[e] ?? 0)));
    }
    return { loss: crossEntropy + loss, crossEntropy, tokens, expertLoad };
  };

  /** Mean cross-entropy of the targets of these batches, in nats, at the present weights and lambda. */
  async evaluate(batches: AsyncIterable<Examples> | Iterable<Examples>, signal?: AbortSignal): Promise<number> {
    await this.#parts.prepare?.();
    let [sum, targets] = [0, 0];
    for await (const batch of batches) {
      signal?.throwIfAborted();
      const none = { trained: new Map<Tensor, Tensor>(), perTarget: 0, perRow: 0 };
      sum += (await passOver(this.#parts, batch, none)).crossEntropy;
      targets += countTargets(batch);
    }
    return sum / targets;
  }

  /** Makes the model ready for generation with the present weights. */
  settle(): Promise<void> {
    return this.#parts.derive();
  }

  /** Frees gradients and moments; the weights stay. */
  dispose(): void {
    this.optimizer.dispose();
    this.#balance?.dispose();
    this.#parts.half?.dispose();
  }
}

const countTargets = ({ targets }: Examples): number => targets.reduce((sum, target) => sum + (target < 0 ? 0 : 1), 0);
