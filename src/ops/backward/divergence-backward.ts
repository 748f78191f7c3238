/** Backward of `divergence`: dlogits = dy (softmax(logits) - softmax(wanted)), by rows. wanted[n, V], logits[n, V], dy[n] -> dlogits[n, V]. */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'divergenceBackward';

export const divergenceBackward: Op<undefined> = {
  name: NAME,
  outputs(inputs) {
    const wanted = input(NAME, inputs, 0);
    expect(NAME, wanted, [-1, -1], 'wanted[n, V]');
    expect(NAME, input(NAME, inputs, 1), wanted.shape, 'logits[n, V]');
    expect(NAME, input(NAME, inputs, 2), wanted.shape.slice(0, 1), 'dy[n]');
    return [{ shape: wanted.shape }];
  },
};
