/** Sum over heads: y = by * sum over H of z. z[T, H, M] -> y[T, M]. */

import type { Tensor } from '../base/tensor.ts';
import { repeatHeads } from './backward/repeat-heads.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const sumHeads: Op<{ by: number }> = {
  name: 'sumHeads',
  outputs(inputs) {
    const z = input('sumHeads', inputs, 0);
    expect('sumHeads', z, [-1, -1, -1], 'z[T, H, M]');
    return [{ shape: [axis('sumHeads', z, 0), axis('sumHeads', z, 2)] }];
  },
  gradient: ({ apply, inputs: [z], gradients: [dy], attrs: { by }, give }) =>
    give(0, apply(repeatHeads, [dy as Tensor], { by, heads: axis('sumHeads', z as Tensor, 1) })[0] as Tensor),
};
