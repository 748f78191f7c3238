/** Root-mean-square norm (arXiv 1910.07467): y = x / sqrt(mean(x^2) + eps) * gain. x[T, M], gain[M] -> y[T, M]. */
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const rmsNorm: Op<{ eps: number }> = {
  name: 'rmsNorm',
  outputs(inputs) {
    const x = input('rmsNorm', inputs, 0);
    expect('rmsNorm', x, [-1, -1], 'x[T, M]');
    expect('rmsNorm', input('rmsNorm', inputs, 1), [axis('rmsNorm', x, 1)], 'gain[M]');
    return [{ shape: x.shape }];
  },
};
