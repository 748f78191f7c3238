/**
 * Per-token int8 activations of BitNet (arXiv 2402.17764; transformers integrations/bitnet.py `activation_quant`):
 * s = 127 / max(max|x|, 1e-5), q = clamp(roundHalfEven(x * s), -128, 127). x[T, J] -> q[T, J] i8, s[T].
 */
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const quantizeRows: Op<undefined> = {
  name: 'quantizeRows',
  outputs(inputs) {
    const x = input('quantizeRows', inputs, 0);
    expect('quantizeRows', x, [-1, -1], 'x[T, J]');
    return [
      { shape: x.shape, dtype: 'i8' },
      { shape: [axis('quantizeRows', x, 0)], dtype: 'f32' },
    ];
  },
  /** Straight-through: the gradient of the codes is that of the numbers that they stand for. */
  gradient({ gradients: [dq], give }) {
    if (dq) give(0, dq);
  },
};
