/**
 * Copies rows within a pool, in its own format: pool[to[n]] = pool[from[n]], in place. pool[R, ...] of any type, from i32 [N], to i32 [N].
 * No row that is written may be read, except onto itself.
 */
import type { Tensor } from '../base/tensor.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const copyRows: Op<undefined> = {
  name: 'copyRows',
  outputs(inputs) {
    const from = input('copyRows', inputs, 1);
    expect('copyRows', from, [-1], 'from[N]', ['i32']);
    expect('copyRows', input('copyRows', inputs, 2), [axis('copyRows', from, 0)], 'to[N]', ['i32']);
    return [];
  },
  compose(ops, inputs) {
    const [pool, from, to] = inputs as [Tensor, Tensor, Tensor];
    ops.writeRows(pool, ops.gather(pool, from), to);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: 2 * count(inputs, 1) }),
};
