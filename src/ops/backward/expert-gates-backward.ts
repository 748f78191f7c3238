/**
 * Backward of the softmax over the chosen experts (expert-gates.ts): dlogits[t, ids[t, j]] = gates[t, j] (dgates[t, j] - sum over i of
 * gates[t, i] dgates[t, i]); the other experts get 0. ids i32 [T, A], gates[T, A], dgates[T, A] -> dlogits[T, X].
 */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'expertGatesBackward';

export const expertGatesBackward: Op<{ experts: number }> = {
  name: NAME,
  outputs(inputs, { experts }) {
    const ids = input(NAME, inputs, 0);
    expect(NAME, ids, [-1, -1], 'ids[T, A]', ['i32']);
    expect(NAME, input(NAME, inputs, 1), ids.shape, 'gates[T, A]');
    expect(NAME, input(NAME, inputs, 2), ids.shape, 'dgates[T, A]');
    return [{ shape: [ids.shape[0] as number, experts] }];
  },
};
