/**
 * BitLinear at inference (transformers integrations/bitnet.py): an exact integer product, then the two scales.
 * acc = q wᵀ in int32; y = acc / (s * wScale) where the checkpoint stores 1 / mean|W| (`divide`), and
 * y = acc / s * wScale where it stores mean|W| (`multiply`). q[T, J] i8, s[T], w[N, J] ternary, wScale[1], bias[N] -> y[T, N].
 */
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const linearTernary: Op<{ wScale: 'divide' | 'multiply' }> = {
  name: 'linearTernary',
  outputs(inputs) {
    const q = input('linearTernary', inputs, 0);
    const w = input('linearTernary', inputs, 2);
    expect('linearTernary', q, [-1, -1], 'q[T, J]', ['i8']);
    expect('linearTernary', input('linearTernary', inputs, 1), [axis('linearTernary', q, 0)], 's[T]');
    expect('linearTernary', w, [-1, axis('linearTernary', q, 1)], 'w[N, J]', ['ternary']);
    expect('linearTernary', input('linearTernary', inputs, 3), [1], 'wScale[1]');
    const bias = inputs[4];
    if (bias) expect('linearTernary', bias, [axis('linearTernary', w, 0)], 'bias[N]');
    return [{ shape: [axis('linearTernary', q, 0), axis('linearTernary', w, 0)], dtype: 'f32' }];
  },
};
