/** target += by * x, in place: same shape, f32. */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

export const accumulate: Op<{ by: number }> = {
  name: 'accumulate',
  outputs(inputs) {
    const target = input('accumulate', inputs, 0);
    expect('accumulate', target, target.shape, 'target');
    expect('accumulate', input('accumulate', inputs, 1), target.shape, 'x');
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
