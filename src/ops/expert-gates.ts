/**
 * The weights of given experts: softmax over the logits of the experts `ids`, in that order, as in `topExperts`. logits[T, X], ids i32 [T,
 * A] -> gates[T, A]. An id outside of 0..X - 1 makes the gates of its row NaN.
 */

import type { Tensor } from '../base/tensor.ts';
import { expertGatesBackward } from './backward/expert-gates-backward.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const expertGates: Op<undefined> = {
  name: 'expertGates',
  outputs(inputs) {
    const logits = input('expertGates', inputs, 0);
    const ids = input('expertGates', inputs, 1);
    expect('expertGates', logits, [-1, -1], 'logits[T, X]');
    expect('expertGates', ids, [logits.shape[0] as number, -1], 'ids[T, A]', ['i32']);
    return [{ shape: ids.shape }];
  },
  gradient({ apply, inputs: [logits, ids], outputs: [gates], gradients: [dgates], give }) {
    const experts = axis('expertGates', logits as Tensor, 1);
    const given = [ids as Tensor, gates as Tensor, dgates as Tensor];
    give(0, apply(expertGatesBackward, given, { experts })[0] as Tensor);
  },
};
