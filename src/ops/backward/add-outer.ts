/** The gradient of a matrix, added in place: target += yᵀ x, summed over rows. target[N, J], y[T, N], x[T, J], all f32. */
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

export const addOuter: Op<undefined> = {
  name: 'addOuter',
  outputs(inputs) {
    const target = input('addOuter', inputs, 0);
    expect('addOuter', target, [-1, -1], 'target[N, J]');
    const [n = 0, j = 0] = target.shape;
    const y = input('addOuter', inputs, 1);
    expect('addOuter', y, [-1, n], 'y[T, N]');
    expect('addOuter', input('addOuter', inputs, 2), [axis('addOuter', y, 0), j], 'x[T, J]');
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
