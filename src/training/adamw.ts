/** The AdamW optimiser over the trained tensors: their gradients, moments, norm and update. */
import type { Backend } from '../backends/backend.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Ops } from '../ops/index.ts';
import type { ParameterGroup } from './parameter-groups.ts';
import type { TrainedTensor } from './trainable.ts';

export interface AdamWOptions {
  readonly groups: readonly ParameterGroup<TrainedTensor>[];
  readonly betas: readonly [number, number];
  readonly eps: number;
}

interface Slots {
  readonly gradient: Tensor;
  readonly m: Tensor;
  readonly v: Tensor;
}

export class AdamW {
  readonly #backend: Backend;
  readonly #ops: Ops;
  readonly #options: AdamWOptions;
  readonly #slots = new Map<Tensor, Slots>();

  /** Allocates gradients and moments, three f32 for each trained number, all zero. */
  constructor(backend: Backend, ops: Ops, options: AdamWOptions) {
    this.#backend = backend;
    this.#ops = ops;
    this.#options = options;
    for (const weight of this.#weights) {
      const [gradient, m, v] = [0, 1, 2].map(() => backend.allocate(weight.shape, 'f32')) as [Tensor, Tensor, Tensor];
      this.#slots.set(weight, { gradient, m, v });
    }
  }

  /** The trained tensors with the sums of their gradients. */
  get trained(): Map<Tensor, Tensor> {
    return new Map([...this.#slots].map(([weight, { gradient }]) => [weight, gradient]));
  }

  /** The state of a trained tensor. */
  valueOf(weight: Tensor, which: keyof Slots): Tensor {
    return (this.#slots.get(weight) as Slots)[which];
  }

  /** Sets all gradients to zero. */
  clear(): Promise<void> {
    return this.#backend.step(async () => {
      for (const { gradient } of this.#slots.values()) {
        this.#ops.scope(() => {
          const zeros = this.#ops.zeros(gradient.shape);
          this.#ops.assign(gradient, zeros);
          return gradient;
        });
      }
    });
  }

  /** The norm of all gradients together. */
  async norm(): Promise<number> {
    const parts = await this.#backend.step(async () => {
      const all = [...this.#slots.values()].map(({ gradient }) => this.#ops.sumSquares(gradient));
      return (await this.#backend.read(this.#ops.concat(all))) as Float32Array;
    });
    return Math.sqrt(parts.reduce((sum, part) => sum + part, 0));
  }

  /** One update. `lr`: the rate of a group of factor 1. `scale`: factor of the gradients. `step`: from 1 on. */
  update({ lr, scale, step }: { readonly lr: number; readonly scale: number; readonly step: number }): Promise<void> {
    const { betas, eps, groups } = this.#options;
    return this.#backend.step(async () => {
      for (const { rate, weightDecay: decay, parameters } of groups) {
        for (const p of parameters.flatMap(({ weights }) => weights)) {
          const { gradient: g, m, v } = this.#slots.get(p) as Slots;
          this.#ops.adamw({ p, g, m, v }, { lr: lr * rate, beta1: betas[0], beta2: betas[1], eps, decay, scale, step });
        }
      }
    });
  }

  dispose(): void {
    for (const { gradient, m, v } of this.#slots.values()) for (const x of [gradient, m, v]) this.#backend.free(x);
    this.#slots.clear();
  }

  get #weights(): Tensor[] {
    return this.#options.groups.flatMap(({ parameters }) => parameters.flatMap(({ weights }) => weights));
  }
}
