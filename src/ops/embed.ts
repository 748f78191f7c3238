/** Row lookup: y[t] = scale * table[ids[t]]. table[V, M], ids[T] -> y[T, M]. */

import type { Tensor } from '../base/tensor.ts';
import { addRows } from './backward/add-rows.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

export const embed: Op<{ scale: number }> = {
  name: 'embed',
  outputs(inputs) {
    const table = input('embed', inputs, 0);
    const ids = input('embed', inputs, 1);
    expect('embed', table, [-1, -1], 'table[V, M]', WEIGHT_DTYPES);
    expect('embed', ids, [-1], 'ids[T]', ['i32']);
    return [{ shape: [axis('embed', ids, 0), axis('embed', table, 1)] }];
  },
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: count(inputs, 1) }),
  gradient: ({ apply, inputs: [, ids], gradients: [dy], attrs: { scale }, sumOf }) => {
    apply(addRows, [sumOf(0), dy as Tensor, ids as Tensor], { by: scale });
  },
};
