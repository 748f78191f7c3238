/**
 * The first step of attention (attention.ts), for one sequence of S keys: the probabilities. q[T, H, D], k[R, K, D], table i32 [1, P] ->
 * pattern[H, T, S], zero for future keys.
 */
import { ShapeError } from '../base/errors.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';
import { bytesOfPages, checkPool, checkTable, KEY_VALUE_DTYPES } from './pools.ts';

export const attentionPattern: Op<{ scale: number; keys: number }> = {
  name: 'attentionPattern',
  outputs(inputs, { keys }) {
    const q = input('attentionPattern', inputs, 0);
    const k = input('attentionPattern', inputs, 1);
    expect('attentionPattern', q, [-1, -1, -1], 'q[T, H, D]');
    const [t = 0, h = 0, d = 0] = q.shape;
    expect('attentionPattern', k, [-1, -1, d], 'k[R, K, D]', KEY_VALUE_DTYPES);
    checkPool('attentionPattern', k);
    checkTable('attentionPattern', input('attentionPattern', inputs, 2), keys);
    if (keys < t) throw new ShapeError('attentionPattern', `${t} queries came with ${keys} keys`);
    return [{ shape: [h, t, keys] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1], 2),
};
