/** target = source, in place: same shape, same type. */
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const assign: Op<undefined> = {
  name: 'assign',
  outputs(inputs) {
    const target = input('assign', inputs, 0);
    expect('assign', input('assign', inputs, 1), target.shape, 'source', [target.dtype]);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
};
