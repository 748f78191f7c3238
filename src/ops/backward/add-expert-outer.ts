/**
 * The gradient of the matrices of `expertLinear`, added in place: target[ids[t, j]][from..to] += dy[t A + j] x[t]ᵀ, summed over t and j.
 * target[X, N, J], dy[T A, to - from], x[T, J], all f32, ids[T, A] i32.
 */
import { size, type Tensor } from '../../base/tensor.ts';
import { axis, expect, input } from '../check.ts';
import { checkExpertRows, type ExpertRows } from '../expert-linear.ts';
import type { Op } from '../op.ts';

const NAME = 'addExpertOuter';

export const addExpertOuter: Op<ExpertRows> = {
  name: NAME,
  outputs(inputs, rows) {
    const [target, dy, x, ids] = [0, 1, 2, 3].map((i) => input(NAME, inputs, i)) as [Tensor, Tensor, Tensor, Tensor];
    expect(NAME, target, [-1, -1, -1], 'target[X, N, J]');
    checkExpertRows(NAME, target, rows);
    expect(NAME, x, [-1, axis(NAME, target, 2)], 'x[T, J]');
    expect(NAME, ids, [axis(NAME, x, 0), -1], 'ids[T, A]', ['i32']);
    expect(NAME, dy, [size(ids.shape), rows.to - rows.from], 'dy[T A, to - from]');
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
