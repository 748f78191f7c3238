/**
 * Depthwise causal convolution with silu (state-spaces/mamba modules/mamba_simple.py):
 * y[t, e] = silu(bias[e] + sum_j w[e, j] x[t - W + 1 + j, e]); rows before the first come from the sequence's window.
 * x[T, E], w[E, W], bias[E], windows[C, W - 1, E], slots i32 [B] -> y[T, E]. The window of sequence b is windows[slots[b]], oldest
 * row first; it is updated in place.
 */

import type { Tensor } from '../base/tensor.ts';
import { causalConvBackward } from './backward/causal-conv-backward.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, checkStarts, expect, input } from './check.ts';
import { sumsOf } from './gradient.ts';
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
    const window = [-1, axis('causalConv', w, 1) - 1, e];
    expect('causalConv', input('causalConv', inputs, 3), window, 'windows[C, W - 1, E]');
    expect('causalConv', input('causalConv', inputs, 4), [starts.length - 1], 'slots[B]', ['i32']);
    return [{ shape: x.shape }];
  },
  mutates: (inputs) => inputs.slice(3, 4),
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 3: count(inputs, 4) }),
  /** The windows must have been empty before. */
  gradient(use) {
    const [x, w, bias] = use.inputs as [Tensor, Tensor, Tensor];
    const [dy] = use.gradients as [Tensor];
    const [dx] = use.apply(causalConvBackward, [x, w, bias, dy, ...sumsOf(use, [1, 2])], use.attrs);
    if (use.wants(0)) use.give(0, dx as Tensor);
  },
};
