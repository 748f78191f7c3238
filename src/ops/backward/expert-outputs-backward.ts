/**
 * Backward of `expertOutputs` (expert-outputs.ts); the activations inside of an expert are computed again. x[T, M], ids i32 [T, A],
 * wIn[X, 2F, M], wOut[X, M, F] of one weight format, dz[T, A, M] -> dx[T, M]. With two more inputs dwIn, dwOut, f32 of the shapes of the
 * weights, the gradients of the weights are added to these in place.
 */
import { ShapeError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import { expect, input } from '../check.ts';
import type { Activation } from '../elementwise.ts';
import { checkExperts } from '../expert-outputs.ts';
import type { Op } from '../op.ts';

const NAME = 'expertOutputsBackward';

export const expertOutputsBackward: Op<{ activation: Activation }> = {
  name: NAME,
  outputs(inputs) {
    const [x, ids, wIn, wOut, dz] = [0, 1, 2, 3, 4].map((i) => input(NAME, inputs, i)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    expect(NAME, dz, checkExperts(NAME, x, ids, wIn, wOut), 'dz[T, A, M]');
    if (inputs.length !== 5 && inputs.length !== 7)
      throw new ShapeError(NAME, `got ${inputs.length} inputs, wanted 5, or 7 with both sums of gradients`);
    if (inputs[5]) expect(NAME, inputs[5], wIn.shape, 'dwIn[X, 2F, M]');
    if (inputs[6]) expect(NAME, inputs[6], wOut.shape, 'dwOut[X, M, F]');
    return [{ shape: x.shape }];
  },
  mutates: (inputs) => inputs.slice(5),
};
