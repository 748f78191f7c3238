/**
 * Ops on one number at a time that backward rules need; all shapes equal.
 *   multiply          x * y
 *   geluBackward      dy * gelu'(x)
 *   softplusBackward  dy / (1 + e^-x), dy itself for x above 20, as softplus
 *   gateBackward      of activation(g) * u: dy * u * activation'(g), dy * activation(g)
 */
import { sameShape } from '../check.ts';
import type { Activation } from '../elementwise.ts';
import type { Op } from '../op.ts';

/** Inputs x, y. */
export const multiply: Op<undefined> = sameShape('multiply', 2);
/** Inputs x, dy. */
export const geluBackward: Op<undefined> = sameShape('geluBackward', 2);
/** Inputs x, dy. */
export const softplusBackward: Op<undefined> = sameShape('softplusBackward', 2);
/** Inputs g, u, dy -> dg, du. */
export const gateBackward: Op<{ activation: Activation }> = sameShape('gateBackward', 3, 2);
