/**
 * Backward of `causalConv` (causal-conv.ts) for sequences that begin with an empty window. The sums of gradients of w and bias are added to
 * in place. x[T, E], w[E, W], bias[E], dy[T, E], dw[E, W], dbias[E] -> dx[T, E].
 */
import type { PackedAttrs } from '../causal-conv.ts';
import { checkStarts, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'causalConvBackward';

export const causalConvBackward: Op<PackedAttrs> = {
  name: NAME,
  outputs(inputs, { starts }) {
    const [x, w] = [input(NAME, inputs, 0), input(NAME, inputs, 1)];
    expect(NAME, x, [-1, -1], 'x[T, E]');
    const [t = 0, e = 0] = x.shape;
    checkStarts(NAME, starts, t);
    expect(NAME, w, [e, -1], 'w[E, W]');
    expect(NAME, input(NAME, inputs, 2), [e], 'bias[E]');
    expect(NAME, input(NAME, inputs, 3), x.shape, 'dy[T, E]');
    expect(NAME, input(NAME, inputs, 4), w.shape, 'dw[E, W]');
    expect(NAME, input(NAME, inputs, 5), [e], 'dbias[E]');
    return [{ shape: x.shape }];
  },
  mutates: (inputs) => inputs.slice(4, 6),
};
