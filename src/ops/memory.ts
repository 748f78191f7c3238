/**
 * Ops that move whole tensors and compute nothing.
 *   zeros   a tensor of zeros, f32
 *   assign  target = source, in place
 *   concat  the rows of several tensors, one after another: x_i[n_i, ...] -> y[sum of n_i, ...]
 */

import type { Shape } from '../tensor.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const zeros: Op<{ shape: Shape }> = {
  name: 'zeros',
  outputs: (_, { shape }) => [{ shape }],
};

export const assign: Op<undefined> = {
  name: 'assign',
  outputs(inputs) {
    const target = input('assign', inputs, 0);
    expect('assign', input('assign', inputs, 1), target.shape, 'source', [target.dtype]);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};

export const concat: Op<undefined> = {
  name: 'concat',
  outputs(inputs) {
    const { shape, dtype } = input('concat', inputs, 0);
    const row = shape.slice(1);
    for (const x of inputs) expect('concat', x, [-1, ...row], 'rows[n, ...]', [dtype]);
    return [{ shape: [inputs.reduce((sum, x) => sum + axis('concat', x, 0), 0), ...row], dtype }];
  },
};
