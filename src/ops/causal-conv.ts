/**
 * Depthwise causal convolution with silu (state-spaces/mamba modules/mamba_simple.py):
 * y[t, e] = silu(bias[e] + sum_j w[e, j] x[t - W + 1 + j, e]); what lies before a sequence comes from its window.
 * x[T, E], w[E, W], bias[E], window_i[W - 1, E] (oldest row first, moved on in place) -> y[T, E].
 */
import { axis, checkStarts, expect, input } from './check.ts';
import type { Op } from './op.ts';

export interface PackedAttrs {
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
}

export const causalConv: Op<PackedAttrs> = {
  name: 'causalConv',
  outputs(inputs, { starts }) {
    const x = input('causalConv', inputs, 0);
    const w = input('causalConv', inputs, 1);
    expect('causalConv', x, [-1, -1], 'x[T, E]');
    const [t = 0, e = 0] = x.shape;
    checkStarts('causalConv', starts, t);
    expect('causalConv', w, [e, -1], 'w[E, W]');
    expect('causalConv', input('causalConv', inputs, 2), [e], 'bias[E]');
    for (let i = 0; i + 1 < starts.length; i++) {
      expect('causalConv', input('causalConv', inputs, 3 + i), [axis('causalConv', w, 1) - 1, e], 'window[W - 1, E]');
    }
    return [{ shape: x.shape, dtype: 'f32' }];
  },
  mutates: (inputs) => inputs.slice(3),
};
