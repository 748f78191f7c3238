/**
 * Ops on one number at a time that backward rules need; all shapes equal.
 *   multiply          x * y
 *   geluBackward      dy * gelu'(x)
 *   softplusBackward  dy / (1 + e^-x), dy itself for x above 20, as softplus
 *   gateBackward      of activation(g) * u: dy * u * activation'(g), dy * activation(g)
 */
import type { Tensor } from '../../base/tensor.ts';
import { sameShape } from '../check.ts';
import type { Activation } from '../elementwise.ts';
import type { Op } from '../op.ts';

/** Inputs x, y. */
export const multiply: Op<undefined> = {
  ...sameShape('multiply', 2),
  gradient({ apply, inputs: [x, y], gradients: [dz], wants, give }) {
    const times = (factor: Tensor | undefined) => apply(multiply, [dz as Tensor, factor as Tensor], undefined)[0];
    if (wants(0)) give(0, times(y) as Tensor);
    if (wants(1)) give(1, times(x) as Tensor);
  },
};
/** Inputs x, dy. */
export const geluBackward: Op<undefined> = sameShape('geluBackward', 2);
/** Inputs x, dy. */
export const softplusBackward: Op<undefined> = sameShape('softplusBackward', 2);
/** Inputs g, u, dy -> dg, du. */
export const gateBackward: Op<{ activation: Activation }> = sameShape('gateBackward', 3, 2);
