/** Backward of `sumHeads`: z[t, h] = by * x[t] for every head. x[T, M] -> z[T, H, M]. */
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

export const repeatHeads: Op<{ by: number; heads: number }> = {
  name: 'repeatHeads',
  outputs(inputs, { heads }) {
    const x = input('repeatHeads', inputs, 0);
    expect('repeatHeads', x, [-1, -1], 'x[T, M]');
    return [{ shape: [axis('repeatHeads', x, 0), heads, axis('repeatHeads', x, 1)] }];
  },
};
