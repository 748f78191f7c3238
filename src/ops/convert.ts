/**
 * The same numbers in another type: f32 rounded half to even to bf16, or bf16 as f32. x of any shape -> y of the same shape. The gradient passes
 * unchanged (straight through): rounding is taken as a constant that is added.
 */
import { ShapeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const convert: Op<{ to: 'f32' | 'bf16' }> = {
  name: 'convert',
  outputs(inputs, { to }) {
    const x = input('convert', inputs, 0);
    expect('convert', x, x.shape, 'x', ['f32', 'bf16']);
    if (x.dtype === to) throw new ShapeError('convert', `x is ${to} already`);
    return [{ shape: x.shape, dtype: to }];
  },
  gradient: ({ gradients: [dy], give }) => give(0, dy as Tensor),
};
