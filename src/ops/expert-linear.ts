/**
 * One linear map of each chosen expert: y[t A + j] = w[ids[t, j]][from..to] x[t], the rows from..to (exclusive) of each expert's matrix.
 * x[T, J], ids[T, A] i32, w[X, N, J] of one weight format -> y[T A, to - from]. `experts` runs both maps of an expert at once; this is for what
 * comes between them. Formats of blocks round x as `linear` does, and want `from` at a multiple of 16, the rows that they store together.
 */
import { ShapeError } from '../base/errors.ts';
import { isPacked, size, type Tensor } from '../base/tensor.ts';
import { addExpertOuter } from './backward/add-expert-outer.ts';
import { expertLinearBackward } from './backward/expert-linear-backward.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

export interface ExpertRows {
  readonly from: number;
  readonly to: number;
}

/** Rows of packed weights that are stored together. */
const PACKED_ROWS = 16;

/** Checks w[X, N, J] and the rows that are used. */
export function checkExpertRows(op: string, w: Tensor, { from, to }: ExpertRows): void {
  expect(op, w, [-1, -1, -1], 'w[X, N, J]', WEIGHT_DTYPES);
  const n = axis(op, w, 1);
  if (from < 0 || to < from || to > n)
    throw new ShapeError(op, `rows ${from}..${to} lie outside of the ${n} of an expert`);
  if (isPacked(w.dtype) && from % PACKED_ROWS !== 0)
    throw new ShapeError(
      op,
      `rows of packed experts are used from a multiple of ${PACKED_ROWS} on, and from came as ${from}`,
    );
}

export const expertLinear: Op<ExpertRows> = {
  name: 'expertLinear',
  outputs(inputs, rows) {
    const [x, ids, w] = [0, 1, 2].map((i) => input('expertLinear', inputs, i)) as [Tensor, Tensor, Tensor];
    checkExpertRows('expertLinear', w, rows);
    expect('expertLinear', x, [-1, axis('expertLinear', w, 2)], 'x[T, J]');
    expect('expertLinear', ids, [axis('expertLinear', x, 0), -1], 'ids[T, A]', ['i32']);
    return [{ shape: [size(ids.shape), rows.to - rows.from] }];
  },
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 2: Math.min(count(inputs, 2), size(inputs[1]?.shape ?? [])) }),
  gradient({ apply, inputs, gradients: [dy], attrs, wants, give, sumOf }) {
    const [x, ids, w] = inputs as [Tensor, Tensor, Tensor];
    if (wants(0)) give(0, apply(expertLinearBackward, [dy as Tensor, ids, w], attrs)[0] as Tensor);
    if (wants(2)) apply(addExpertOuter, [sumOf(2), dy as Tensor, x, ids], attrs);
  },
};
