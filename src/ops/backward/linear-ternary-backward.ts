/**
 * The gradient of the input of ternary linear maps, for the numbers that the int8 codes stand for: dx = sum over i of dy_i w_i / wScale_i
 * (`divide`) or * wScale_i (`multiply`). dy_i[T, N_i], w_i[N_i, J] ternary, wScale_i[1] -> dx[T, J]. Inputs dy_0, ..., w_0, ..., wScale_0, ...
 */
import { ternary } from '../../formats/ternary.ts';
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'linearTernaryBackward';

export const linearTernaryBackward: Op<{ wScale: 'divide' | 'multiply' }> = {
  name: NAME,
  outputs(inputs) {
    const count = inputs.length / 3;
    const j = axis(NAME, input(NAME, inputs, count), 1);
    const t = axis(NAME, input(NAME, inputs, 0), 0);
    for (let i = 0; i < count; i++) {
      const w = input(NAME, inputs, count + i);
      expect(NAME, w, [-1, j], 'w[N, J]', [ternary]);
      expect(NAME, input(NAME, inputs, i), [t, axis(NAME, w, 0)], 'dy[T, N]');
      expect(NAME, input(NAME, inputs, 2 * count + i), [1], 'wScale[1]');
    }
    return [{ shape: [t, j] }];
  },
};
