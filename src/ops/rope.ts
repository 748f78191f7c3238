/**
 * Rotary position embedding (arXiv 2104.09864) in the half-rotation form of the Hugging Face checkpoints: for i < D/2,
 * y[i] = x[i] cos[i] - x[i + D/2] sin[i], y[i + D/2] = x[i + D/2] cos[i] + x[i] sin[i].
 * x[T, H, D], cos[T, D/2], sin[T, D/2] -> y[T, H, D].
 */
import type { Tensor } from '../base/tensor.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const rope: Op<undefined> = {
  name: 'rope',
  outputs(inputs) {
    const x = input('rope', inputs, 0);
    expect('rope', x, [-1, -1, -1], 'x[T, H, D]');
    const half = [axis('rope', x, 0), axis('rope', x, 2) / 2];
    expect('rope', input('rope', inputs, 1), half, 'cos[T, D/2]');
    expect('rope', input('rope', inputs, 2), half, 'sin[T, D/2]');
    return [{ shape: x.shape }];
  },
  /** The transposed rotation is the one by the opposite angle. */
  gradient: ({ ops, inputs: [, cos, sin], gradients: [dy], give }) =>
    give(0, ops.rope(dy as Tensor, { cos: cos as Tensor, sin: ops.scale(sin as Tensor, -1) })),
};
