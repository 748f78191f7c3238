/** The rows of several tensors, one after another: x_i[n_i, ...] of any type -> y[sum of n_i, ...]. */
import type { Tensor } from '../base/tensor.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const concat: Op<undefined> = {
  name: 'concat',
  outputs(inputs) {
    const { shape, dtype } = input('concat', inputs, 0);
    const row = shape.slice(1);
    for (const x of inputs) expect('concat', x, [-1, ...row], 'rows[n, ...]', [dtype]);
    return [{ shape: [inputs.reduce((sum, x) => sum + axis('concat', x, 0), 0), ...row], dtype }];
  },
  gradient({ ops, inputs, gradients: [dy], wants, give }) {
    let from = 0;
    inputs.forEach((x, i) => {
      const to = from + axis('concat', x, 0);
      if (wants(i)) give(i, ops.rows(dy as Tensor, from, to));
      from = to;
    });
  },
};
