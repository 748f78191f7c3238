/**
 * The second step of attention (attention.ts), for one sequence of S keys: the values, weighted by a pattern. pattern[H, T, S], v[R, K,
 * Dv], table i32 [1, P] -> z[T, H, Dv]. The optional gains[1, C, H], C >= S, multiply the pattern.
 */
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';
import { bytesOfPages, checkGains, checkPool, checkTable, KEY_VALUE_DTYPES } from './pools.ts';

export const attendPattern: Op<undefined> = {
  name: 'attendPattern',
  outputs(inputs) {
    const pattern = input('attendPattern', inputs, 0);
    const v = input('attendPattern', inputs, 1);
    expect('attendPattern', pattern, [-1, -1, -1], 'pattern[H, T, S]');
    const [h = 0, t = 0, s = 0] = pattern.shape;
    expect('attendPattern', v, [-1, -1, -1], 'v[R, K, Dv]', KEY_VALUE_DTYPES);
    checkPool('attendPattern', v);
    checkTable('attendPattern', input('attendPattern', inputs, 2), s);
    checkGains('attendPattern', inputs[3], 1, h, s);
    return [{ shape: [t, h, axis('attendPattern', v, 2)] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1], 2),
};
