/** Sets mark = 1, in place, when any number of x is NaN or infinite; otherwise mark is unchanged. mark i32 [1], x of any shape. */
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const markNonFinite: Op<undefined> = {
  name: 'markNonFinite',
  outputs(inputs) {
    expect('markNonFinite', input('markNonFinite', inputs, 0), [1], 'mark[1]', ['i32']);
    const x = input('markNonFinite', inputs, 1);
    expect('markNonFinite', x, x.shape, 'x');
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
