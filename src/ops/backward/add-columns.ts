/** The gradient of a bias, added in place: target[n] += sum over t of x[t, n]. target[N], x[T, N]. */
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

export const addColumns: Op<undefined> = {
  name: 'addColumns',
  outputs(inputs) {
    const target = input('addColumns', inputs, 0);
    expect('addColumns', target, [-1], 'target[N]');
    expect('addColumns', input('addColumns', inputs, 1), [-1, axis('addColumns', target, 0)], 'x[T, N]');
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
