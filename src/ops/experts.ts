/**
 * Mixture of experts: the outputs of the chosen experts (expert-outputs.ts), summed with their gates (sum-slots.ts). x[T, M], ids[T, A]
 * i32, gates[T, A], wIn[X, 2F, M], wOut[X, M, F] of one weight format -> y[T, M].
 */
import type { Tensor } from '../base/tensor.ts';
import { expect, input } from './check.ts';
import type { Activation } from './elementwise.ts';
import { bytesOfExperts, checkExperts } from './expert-outputs.ts';
import type { Op } from './op.ts';

type Inputs = readonly [x: Tensor, ids: Tensor, gates: Tensor, wIn: Tensor, wOut: Tensor];

export const experts: Op<{ activation: Activation }> = {
  name: 'experts',
  outputs(inputs) {
    const [x, ids, gates, wIn, wOut] = [0, 1, 2, 3, 4].map((i) =>
      input('experts', inputs, i),
    ) as readonly Tensor[] as Inputs;
    checkExperts('experts', x, ids, wIn, wOut);
    expect('experts', gates, ids.shape, 'gates[T, A]');
    return [{ shape: x.shape }];
  },
  compose(ops, inputs, { activation }) {
    const [x, ids, gates, wIn, wOut] = inputs as Inputs;
    return [ops.sumSlots(ops.expertOutputs(x, ids, { in: wIn, out: wOut }, activation), gates)];
  },
  bytesOfInputs: (inputs) => bytesOfExperts(inputs, 3),
};
