/**
 * BitLinear at inference (transformers integrations/bitnet.py): exact integer products, then the two scales.
 * acc_i = q w_iᵀ in int32; y_i = acc_i / (s * wScale_i) where the checkpoint stores 1 / mean|W| (`divide`), and
 * y_i = acc_i / s * wScale_i where it stores mean|W| (`multiply`). q[T, J] i8, s[T], w_i[N_i, J] ternary, wScale_i[1], all with bias_i[N_i] or
 * all without -> y_i[T, N_i]. Inputs q, s, w_0, w_1, ..., wScale_0, ..., bias_0, ...
 */

import { ShapeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { ternary } from '../formats/ternary.ts';
import { addColumns } from './backward/add-columns.ts';
import { linearTernaryBackward } from './backward/linear-ternary-backward.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

const NAME = 'linearTernary';

export interface LinearTernaryAttrs {
  readonly wScale: 'divide' | 'multiply';
  /** Number of matrices. */
  readonly count: number;
}

export const linearTernary: Op<LinearTernaryAttrs> = {
  name: NAME,
  outputs(inputs, { count }) {
    const q = input(NAME, inputs, 0);
    expect(NAME, q, [-1, -1], 'q[T, J]', ['i8']);
    const [t = 0, j = 0] = q.shape;
    expect(NAME, input(NAME, inputs, 1), [t], 's[T]');
    if (inputs.length !== 2 + 2 * count && inputs.length !== 2 + 3 * count) {
      throw new ShapeError(NAME, `${count} matrices need as many scales, and no biases or ${count}`);
    }
    return inputs.slice(2, 2 + count).map((w, i) => {
      expect(NAME, w, [-1, j], 'w[N, J]', [ternary]);
      expect(NAME, input(NAME, inputs, 2 + count + i), [1], 'wScale[1]');
      const n = axis(NAME, w, 0);
      const bias = inputs[2 + 2 * count + i];
      if (bias) expect(NAME, bias, [n], 'bias[N]');
      return { shape: [t, n] };
    });
  },
  gradient({ apply, inputs, gradients, attrs: { count, wScale }, wants, give, sumOf }) {
    const used = gradients.flatMap((dy, i) => (dy ? [{ dy, i }] : []));
    const codes = used.map(({ i }) => inputs[2 + i] as Tensor);
    const scales = used.map(({ i }) => inputs[2 + count + i] as Tensor);
    if (wants(0))
      give(
        0,
        apply(linearTernaryBackward, [...used.map(({ dy }) => dy), ...codes, ...scales], { wScale })[0] as Tensor,
      );
    for (const { dy, i } of used) {
      const bias = 2 + 2 * count + i;
      if (inputs[bias] && wants(bias)) apply(addColumns, [sumOf(bias), dy], undefined);
    }
  },
};
