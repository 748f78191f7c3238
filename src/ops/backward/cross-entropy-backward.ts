/**
 * Backward of `crossEntropy`: with p the softmax of a row, dlogits = dy[0] (p - onehot(target)) + 2 dy[1] logsumexp p; without a target only the
 * second term. logits[n, V], targets i32 [n], dy[n, 2] -> dlogits[n, V].
 */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'crossEntropyBackward';

export const crossEntropyBackward: Op<undefined> = {
  name: NAME,
  outputs(inputs) {
    const logits = input(NAME, inputs, 0);
    expect(NAME, logits, [-1, -1], 'logits[n, V]');
    const [n = 0] = logits.shape;
    expect(NAME, input(NAME, inputs, 1), [n], 'targets[n]', ['i32']);
    expect(NAME, input(NAME, inputs, 2), [n, 2], 'dy[n, 2]');
    return [{ shape: logits.shape }];
  },
};
