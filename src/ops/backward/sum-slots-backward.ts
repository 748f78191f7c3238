/**
 * Backward of `sumSlots`: dz[t, j] = gates[t, j] dy[t], dgates[t, j] = z[t, j] . dy[t]. z[T, A, M], gates[T, A], dy[T, M] -> dz[T, A, M],
 * dgates[T, A].
 */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'sumSlotsBackward';

export const sumSlotsBackward: Op<undefined> = {
  name: NAME,
  outputs(inputs) {
    const z = input(NAME, inputs, 0);
    expect(NAME, z, [-1, -1, -1], 'z[T, A, M]');
    const [t = 0, a = 0, m = 0] = z.shape;
    expect(NAME, input(NAME, inputs, 1), [t, a], 'gates[T, A]');
    expect(NAME, input(NAME, inputs, 2), [t, m], 'dy[T, M]');
    return [{ shape: z.shape }, { shape: [t, a] }];
  },
};
