/** Layer norm (arXiv 1607.06450, biased variance): y = (x - mean) / sqrt(var + eps) * gain + bias. x[T, M], gain[M], bias[M] -> y[T, M]. */

import type { Tensor } from '../base/tensor.ts';
import { layerNormBackward } from './backward/norm-backward.ts';
import { axis, expect, input } from './check.ts';
import { sumsOf } from './gradient.ts';
import type { Op } from './op.ts';

export const layerNorm: Op<{ eps: number }> = {
  name: 'layerNorm',
  outputs(inputs) {
    const x = input('layerNorm', inputs, 0);
    expect('layerNorm', x, [-1, -1], 'x[T, M]');
    expect('layerNorm', input('layerNorm', inputs, 1), [axis('layerNorm', x, 1)], 'gain[M]');
    expect('layerNorm', input('layerNorm', inputs, 2), [axis('layerNorm', x, 1)], 'bias[M]');
    return [{ shape: x.shape }];
  },
  gradient(use) {
    const [x, gain] = use.inputs as [Tensor, Tensor];
    const [dy] = use.gradients as [Tensor];
    const [dx] = use.apply(layerNormBackward, [x, gain, dy, ...sumsOf(use, [1, 2])], use.attrs);
    if (use.wants(0)) use.give(0, dx as Tensor);
  },
};
