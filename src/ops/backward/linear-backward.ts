/**
 * The gradient of the input of linear maps: dx = sum over i of dy_i w_i. dy_i[T, N_i] f32, w_i[N_i, J] of one weight format -> dx[T, J].
 * Inputs dy_0, dy_1, ..., w_0, w_1, ... Packed weights are unpacked some rows at a time, never as a whole.
 */
import { ShapeError } from '../../base/errors.ts';
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';
import { WEIGHT_DTYPES } from '../weights.ts';

const NAME = 'linearBackward';

export const linearBackward: Op<undefined> = {
  name: NAME,
  outputs(inputs) {
    const count = inputs.length / 2;
    const first = input(NAME, inputs, count);
    const j = axis(NAME, first, 1);
    const t = axis(NAME, input(NAME, inputs, 0), 0);
    for (let i = 0; i < count; i++) {
      const w = input(NAME, inputs, count + i);
      expect(NAME, w, [-1, j], 'w[N, J]', WEIGHT_DTYPES);
      if (w.dtype !== first.dtype)
        throw new ShapeError(NAME, `matrices of one input came as ${first.dtype} and ${w.dtype}`);
      expect(NAME, input(NAME, inputs, i), [t, axis(NAME, w, 0)], 'dy[T, N]');
    }
    return [{ shape: [t, j] }];
  },
};
