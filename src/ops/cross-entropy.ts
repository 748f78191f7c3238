/**
 * The losses of each row of logits: y[n] = (logsumexp(logits[n]) - logits[n, targets[n]], logsumexp(logits[n])^2): cross-entropy, and the
 * square that z-loss (arXiv 2204.02311 §5) averages. A row with target -1 has none: its cross-entropy is 0. logits[n, V], targets i32 [n]
 * -> y[n, 2].
 */
import type { Tensor } from '../base/tensor.ts';
import { crossEntropyBackward } from './backward/cross-entropy-backward.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const crossEntropy: Op<undefined> = {
  name: 'crossEntropy',
  outputs(inputs) {
    const logits = input('crossEntropy', inputs, 0);
    expect('crossEntropy', logits, [-1, -1], 'logits[n, V]');
    const n = logits.shape[0] as number;
    expect('crossEntropy', input('crossEntropy', inputs, 1), [n], 'targets[n]', ['i32']);
    return [{ shape: [n, 2] }];
  },
  gradient: ({ apply, inputs: [logits, targets], gradients: [dy], give }) =>
    give(0, apply(crossEntropyBackward, [logits as Tensor, targets as Tensor, dy as Tensor], undefined)[0] as Tensor),
};
