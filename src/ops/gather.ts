/** Rows of a tensor, by their numbers: y[n] = x[at[n]]. x[R, ...] of any type, at i32 [N] -> y[N, ...]. */

import type { Tensor } from '../base/tensor.ts';
import { addRows } from './backward/add-rows.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const gather: Op<undefined> = {
  name: 'gather',
  outputs(inputs) {
    const x = input('gather', inputs, 0);
    const at = input('gather', inputs, 1);
    expect('gather', at, [-1], 'at[N]', ['i32']);
    return [{ shape: [axis('gather', at, 0), ...x.shape.slice(1)], dtype: x.dtype }];
  },
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: count(inputs, 1) }),
  gradient: ({ apply, inputs: [, at], gradients: [dy], sumOf }) => {
    apply(addRows, [sumOf(0), dy as Tensor, at as Tensor], { by: 1 });
  },
};
