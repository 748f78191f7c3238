/** y = x wᵀ + bias. x[T, J], w[N, J] in any dense weight format, bias[N] -> y[T, N]. Accumulates in f32. */
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const linear: Op<undefined> = {
  name: 'linear',
  outputs(inputs) {
    const x = input('linear', inputs, 0);
    const w = input('linear', inputs, 1);
    expect('linear', x, [-1, -1], 'x[T, J]');
    expect('linear', w, [-1, axis('linear', x, 1)], 'w[N, J]', ['f32', 'f16', 'bf16']);
    const bias = inputs[2];
    if (bias) expect('linear', bias, [axis('linear', w, 0)], 'bias[N]');
    return [{ shape: [axis('linear', x, 0), axis('linear', w, 0)], dtype: 'f32' }];
  },
};
