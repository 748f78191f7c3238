/**
 * The gradient of a row lookup, added in place: target[at[n]] += by * x[n], in the order of n. target[R, ...], x[N, ...], at i32 [N]; numbers
 * in `at` may repeat.
 */
import { bytesOfRows, count } from '../bytes.ts';
import { axis, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

export const addRows: Op<{ by: number }> = {
  name: 'addRows',
  outputs(inputs) {
    const target = input('addRows', inputs, 0);
    expect('addRows', target, target.shape, 'target[R, ...]');
    const x = input('addRows', inputs, 1);
    expect('addRows', x, [-1, ...target.shape.slice(1)], 'x[N, ...]');
    expect('addRows', input('addRows', inputs, 2), [axis('addRows', x, 0)], 'at[N]', ['i32']);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: 2 * count(inputs, 2) }),
};
