/** Rows from..to (exclusive) of the first axis. A view: its output shares the memory of its input. */

import { ShapeError } from '../base/errors.ts';
import { rows as rowsOf, show, type Tensor } from '../base/tensor.ts';
import { accumulate } from './backward/accumulate.ts';
import { axis, input } from './check.ts';
import type { Op } from './op.ts';

export const rows: Op<{ from: number; to: number }> = {
  name: 'rows',
  outputs(inputs, { from, to }) {
    const x = input('rows', inputs, 0);
    if (from < 0 || to < from || to > axis('rows', x, 0))
      throw new ShapeError('rows', `rows ${from}..${to} lie outside of ${show(x.shape)}`);
    return [{ shape: [to - from, ...x.shape.slice(1)], dtype: x.dtype }];
  },
  view: (inputs, { from, to }) => rowsOf(input('rows', inputs, 0), from, to),
  gradient: ({ ops, apply, gradients: [dy], attrs: { from, to }, sumOf }) => {
    apply(accumulate, [ops.rows(sumOf(0), from, to), dy as Tensor], { by: 1 });
  },
};
