/**
 * Matrix products of one input: y_i = x w_iᵀ + bias_i. x[T, J], w_i[N_i, J] of one weight format, all with bias_i[N_i] or all without
 * -> y_i[T, N_i]. Inputs x, w_0, w_1, ..., bias_0, bias_1, ... Accumulates in f32. Some packed formats
 * round the rows of x first (`readInput`): block formats to int8, so that the products of a block are exact integers.
 */

import { ShapeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { addColumns } from './backward/add-columns.ts';
import { addOuter } from './backward/add-outer.ts';
import { linearBackward } from './backward/linear-backward.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

export interface LinearAttrs {
  /** Number of matrices. */
  readonly count: number;
}

export const linear: Op<LinearAttrs> = {
  name: 'linear',
  outputs(inputs, { count }) {
    const x = input('linear', inputs, 0);
    expect('linear', x, [-1, -1], 'x[T, J]');
    if (inputs.length !== 1 + count && inputs.length !== 1 + 2 * count) {
      throw new ShapeError('linear', `${count} matrices need no biases or ${count}, got ${inputs.length - 1 - count}`);
    }
    const [t = 0, j = 0] = x.shape;
    const { dtype } = input('linear', inputs, 1);
    return inputs.slice(1, 1 + count).map((w, i) => {
      expect('linear', w, [-1, j], 'w[N, J]', WEIGHT_DTYPES);
      if (w.dtype !== dtype) throw new ShapeError('linear', `matrices of one input came as ${dtype} and ${w.dtype}`);
      const n = axis('linear', w, 0);
      const bias = inputs[1 + count + i];
      if (bias) expect('linear', bias, [n], 'bias[N]');
      return { shape: [t, n] };
    });
  },
  gradient({ apply, inputs, gradients, attrs: { count }, wants, give, sumOf }) {
    const used = gradients.flatMap((dy, i) => (dy ? [{ dy, i }] : []));
    if (wants(0)) {
      const dx = apply(
        linearBackward,
        [...used.map(({ dy }) => dy), ...used.map(({ i }) => inputs[1 + i] as Tensor)],
        undefined,
      );
      give(0, dx[0] as Tensor);
    }
    for (const { dy, i } of used) {
      if (wants(1 + i)) apply(addOuter, [sumOf(1 + i), dy, inputs[0] as Tensor], undefined);
      if (inputs[1 + count + i] && wants(1 + count + i)) apply(addColumns, [sumOf(1 + count + i), dy], undefined);
    }
  },
};
