/**
 * Ops on one number at a time; all shapes equal.
 *   add       x + by * y                       scale     by * x
 *   gelu      tanh form (arXiv 1606.08415): 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
 *   softplus  log(1 + e^x), x itself above 20 (torch's threshold)
 *   negExp    -e^x: Mamba's A from A_log
 *   gate      activation(g) * u, with silu(g) = g / (1 + e^-g) or relu2(g) = max(g, 0)^2
 */
import type { Tensor } from '../base/tensor.ts';
import { gateBackward, geluBackward, multiply, softplusBackward } from './backward/elementwise-backward.ts';
import { sameShape } from './check.ts';
import type { Backward } from './gradient.ts';
import type { Op } from './op.ts';

export type Activation = 'silu' | 'relu2';

/** The rule of an op y = f(x) with an op for f'(x) dy: its inputs are x and dy. */
const byInput =
  (backward: Op<undefined>) =>
  ({ apply, inputs, gradients, give }: Backward<undefined>): void =>
    give(0, apply(backward, [inputs[0] as Tensor, gradients[0] as Tensor], undefined)[0] as Tensor);

export const add: Op<{ by: number }> = {
  ...sameShape('add', 2),
  gradient({ ops, gradients: [dy], attrs: { by }, wants, give }) {
    if (wants(0)) give(0, dy as Tensor);
    if (wants(1)) give(1, ops.scale(dy as Tensor, by));
  },
};
export const scale: Op<{ by: number }> = {
  ...sameShape('scale', 1),
  gradient: ({ ops, gradients: [dy], attrs: { by }, give }) => give(0, ops.scale(dy as Tensor, by)),
};
export const gelu: Op<undefined> = { ...sameShape('gelu', 1), gradient: byInput(geluBackward) };
export const softplus: Op<undefined> = { ...sameShape('softplus', 1), gradient: byInput(softplusBackward) };
export const negExp: Op<undefined> = {
  ...sameShape('negExp', 1),
  gradient: ({ apply, outputs: [y], gradients: [dy], give }) =>
    give(0, apply(multiply, [y as Tensor, dy as Tensor], undefined)[0] as Tensor),
};
export const gate: Op<{ activation: Activation }> = {
  ...sameShape('gate', 2),
  gradient({ apply, inputs: [g, u], gradients: [dy], attrs, wants, give }) {
    const both = apply(gateBackward, [g as Tensor, u as Tensor, dy as Tensor], attrs);
    both.forEach((gradient, i) => {
      if (wants(i)) give(i, gradient);
    });
  },
};
