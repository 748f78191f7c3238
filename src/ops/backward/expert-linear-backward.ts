/**
 * The gradient of the input of `expertLinear`: dx[t] = sum over j of w[ids[t, j]][from..to]ᵀ dy[t A + j]. dy[T A, to - from], ids[T, A] i32,
 * w[X, N, J] of one weight format -> dx[T, J].
 */
import { size, type Tensor } from '../../base/tensor.ts';
import { axis, expect, input } from '../check.ts';
import { checkExpertRows, type ExpertRows } from '../expert-linear.ts';
import type { Op } from '../op.ts';

const NAME = 'expertLinearBackward';

export const expertLinearBackward: Op<ExpertRows> = {
  name: NAME,
  outputs(inputs, rows) {
    const [dy, ids, w] = [0, 1, 2].map((i) => input(NAME, inputs, i)) as [Tensor, Tensor, Tensor];
    checkExpertRows(NAME, w, rows);
    expect(NAME, ids, [-1, -1], 'ids[T, A]', ['i32']);
    expect(NAME, dy, [size(ids.shape), rows.to - rows.from], 'dy[T A, to - from]');
    return [{ shape: [axis(NAME, ids, 0), axis(NAME, w, 2)] }];
  },
};
