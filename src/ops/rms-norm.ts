/** Root-mean-square norm (arXiv 1910.07467): y = x / sqrt(mean(x^2) + eps) * gain. x[T, M], gain[M] -> y[T, M]. */

import type { Tensor } from '../base/tensor.ts';
import { rmsNormBackward } from './backward/norm-backward.ts';
import { axis, expect, input } from './check.ts';
import { sumsOf } from './gradient.ts';
import type { Op } from './op.ts';

export const rmsNorm: Op<{ eps: number }> = {
  name: 'rmsNorm',
  outputs(inputs) {
    const x = input('rmsNorm', inputs, 0);
    expect('rmsNorm', x, [-1, -1], 'x[T, M]');
    expect('rmsNorm', input('rmsNorm', inputs, 1), [axis('rmsNorm', x, 1)], 'gain[M]');
    return [{ shape: x.shape }];
  },
  gradient(use) {
    const [x, gain] = use.inputs as [Tensor, Tensor];
    const [dy] = use.gradients as [Tensor];
    const [dx] = use.apply(rmsNormBackward, [x, gain, dy, ...sumsOf(use, [1])], use.attrs);
    if (use.wants(0)) use.give(0, dx as Tensor);
  },
};
