/**
 * Ops whose output shares the memory of their input.
 *   reshape  the same numbers under another shape
 *   rows     rows from..to (exclusive) of the first axis
 */
import { ShapeError } from '../errors.ts';
import { reshape as reshaped, rows as rowsOf, type Shape, show, size } from '../tensor.ts';
import { axis, input } from './check.ts';
import type { Op } from './op.ts';

export const reshape: Op<{ shape: Shape }> = {
  name: 'reshape',
  outputs(inputs, { shape }) {
    const x = input('reshape', inputs, 0);
    if (size(x.shape) !== size(shape)) throw new ShapeError('reshape', `${show(x.shape)} does not fit ${show(shape)}`);
    return [{ shape, dtype: x.dtype }];
  },
  view: (inputs, { shape }) => reshaped(input('reshape', inputs, 0), shape),
};

export const rows: Op<{ from: number; to: number }> = {
  name: 'rows',
  outputs(inputs, { from, to }) {
    const x = input('rows', inputs, 0);
    if (from < 0 || to < from || to > axis('rows', x, 0))
      throw new ShapeError('rows', `rows ${from}..${to} lie outside of ${show(x.shape)}`);
    return [{ shape: [to - from, ...x.shape.slice(1)], dtype: x.dtype }];
  },
  view: (inputs, { from, to }) => rowsOf(input('rows', inputs, 0), from, to),
};
