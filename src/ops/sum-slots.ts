/** Gated sum over slots, in their order: y[t] = sum_j gates[t, j] z[t, j]. z[T, A, M], gates[T, A] -> y[T, M]. */

import type { Tensor } from '../base/tensor.ts';
import { sumSlotsBackward } from './backward/sum-slots-backward.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const sumSlots: Op<undefined> = {
  name: 'sumSlots',
  outputs(inputs) {
    const z = input('sumSlots', inputs, 0);
    expect('sumSlots', z, [-1, -1, -1], 'z[T, A, M]');
    const [t = 0, a = 0, m = 0] = z.shape;
    expect('sumSlots', input('sumSlots', inputs, 1), [t, a], 'gates[T, A]');
    return [{ shape: [t, m] }];
  },
  gradient({ apply, inputs: [z, gates], gradients: [dy], wants, give }) {
    const both = apply(sumSlotsBackward, [z as Tensor, gates as Tensor, dy as Tensor], undefined);
    both.forEach((gradient, i) => {
      if (wants(i)) give(i, gradient);
    });
  },
};
