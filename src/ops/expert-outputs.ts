/**
 * What each chosen expert makes of a token, before its gate: z[t, j] = f(ids[t, j], x[t]) with
 * f(e, u) = wOut[e] (activation(wIn[e][0..F] u) * (wIn[e][F..2F] u)).
 * x[T, M], ids[T, A] i32, wIn[X, 2F, M], wOut[X, M, F] of one weight format -> z[T, A, M]; formats of blocks round x and what the second
 * product reads as `linear` does.
 */

import { size, type Tensor } from '../base/tensor.ts';
import { expertOutputsBackward } from './backward/expert-outputs-backward.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Activation } from './elementwise.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

/** Checks the inputs; -> the shape [T, A, M]. */
export function checkExperts(op: string, x: Tensor, ids: Tensor, wIn: Tensor, wOut: Tensor): [number, number, number] {
  expect(op, x, [-1, -1], 'x[T, M]');
  const [t = 0, m = 0] = x.shape;
  expect(op, ids, [t, -1], 'ids[T, A]', ['i32']);
  expect(op, wIn, [-1, -1, m], 'wIn[X, 2F, M]', WEIGHT_DTYPES);
  expect(op, wOut, [axis(op, wIn, 0), m, axis(op, wIn, 1) / 2], 'wOut[X, M, F]', [wIn.dtype]);
  return [t, axis(op, ids, 1), m];
}

/** Inputs `first` and `first + 1` are the weights; at most as many experts are read as there are slots. */
export function bytesOfExperts(inputs: readonly Tensor[], first: number): number {
  const used = Math.min(count(inputs, first), size(inputs[1]?.shape ?? []));
  return bytesOfRows(inputs, { [first]: used, [first + 1]: used });
}

export const expertOutputs: Op<{ activation: Activation }> = {
  name: 'expertOutputs',
  outputs(inputs) {
    const [x, ids, wIn, wOut] = [0, 1, 2, 3].map((i) => input('expertOutputs', inputs, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    return [{ shape: checkExperts('expertOutputs', x, ids, wIn, wOut) }];
  },
  bytesOfInputs: (inputs) => bytesOfExperts(inputs, 2),
  gradient({ apply, inputs, gradients: [dz], attrs, wants, give, sumOf }) {
    const sums = wants(2) || wants(3) ? [sumOf(2), sumOf(3)] : [];
    const [dx] = apply(expertOutputsBackward, [...inputs, dz as Tensor, ...sums], attrs);
    if (wants(0)) give(0, dx as Tensor);
  },
};
