/**
 * Selective state space recurrence of Mamba (arXiv 2312.00752; state-spaces/mamba ops/selective_scan_interface.py). A is discretised
 * by zero-order hold, B by Euler's rule, as the authors' code does; the state h is always f32:
 *   h[e, n] = exp(dt[t, e] a[e, n]) h[e, n] + dt[t, e] b[t, n] x[t, e];   y[t, e] = sum_n h[e, n] c[t, n] + d[e] x[t, e]
 * x[T, E], dt[T, E], a[E, N], b[T, N], c[T, N], d[E], states[C, E, N], slots i32 [B] -> y[T, E]. The h of sequence b is
 * states[slots[b]], updated in place.
 */
import type { Tensor } from '../base/tensor.ts';
import { selectiveScanBackward } from './backward/selective-scan-backward.ts';
import { bytesOfRows, count } from './bytes.ts';
import type { PackedAttrs } from './causal-conv.ts';
import { axis, checkStarts, expect, input } from './check.ts';
import { sumsOf } from './gradient.ts';
import type { Op } from './op.ts';

const NAME = 'selectiveScan';

export const selectiveScan: Op<PackedAttrs> = {
  name: NAME,
  outputs(inputs, { starts }) {
    const x = input(NAME, inputs, 0);
    expect(NAME, x, [-1, -1], 'x[T, E]');
    const [t = 0, e = 0] = x.shape;
    checkStarts(NAME, starts, t);
    expect(NAME, input(NAME, inputs, 1), [t, e], 'dt[T, E]');
    const a = input(NAME, inputs, 2);
    expect(NAME, a, [e, -1], 'a[E, N]');
    const n = axis(NAME, a, 1);
    expect(NAME, input(NAME, inputs, 3), [t, n], 'b[T, N]');
    expect(NAME, input(NAME, inputs, 4), [t, n], 'c[T, N]');
    expect(NAME, input(NAME, inputs, 5), [e], 'd[E]');
    expect(NAME, input(NAME, inputs, 6), [-1, e, n], 'states[C, E, N]');
    expect(NAME, input(NAME, inputs, 7), [starts.length - 1], 'slots[B]', ['i32']);
    return [{ shape: x.shape }];
  },
  mutates: (inputs) => inputs.slice(6, 7),
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 6: count(inputs, 7) }),
  /** The states must have been zero before. */
  gradient(use) {
    const [dy] = use.gradients as [Tensor];
    const inputs = [...use.inputs.slice(0, 6), dy, ...sumsOf(use, [2, 5])];
    const [dx, ddt, db, dc] = use.apply(selectiveScanBackward, inputs, use.attrs);
    for (const [i, gradient] of [
      [0, dx],
      [1, ddt],
      [3, db],
      [4, dc],
    ] as const) {
      if (use.wants(i)) use.give(i, gradient as Tensor);
    }
  },
};
