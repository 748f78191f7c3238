/**
 * One step of Adam with decoupled weight decay (arXiv 1711.05101; torch.optim.AdamW), in place, with gradient s = scale * g:
 *   p <- p (1 - lr decay);  m <- beta1 m + (1 - beta1) s;  v <- beta2 v + (1 - beta2) s^2
 *   p <- p - lr (m / (1 - beta1^step)) / (sqrt(v / (1 - beta2^step)) + eps)
 * Inputs p, g, m, v, all f32 of one shape. `g` is not changed.
 */
import { sameShape } from './check.ts';
import type { Op } from './op.ts';

export interface AdamWAttrs {
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly decay: number;
  /** Factor of the gradient, such as that of clipping. */
  readonly scale: number;
  /** From 1 on. */
  readonly step: number;
}

export const adamw: Op<AdamWAttrs> = {
  ...sameShape('adamw', 4, 0),
  mutates: (inputs) => [inputs[0], inputs[2], inputs[3]].filter((x) => x !== undefined),
};
