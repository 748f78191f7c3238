/** The same numbers in another shape. A view: its output shares the memory of its input. */
import { ShapeError } from '../base/errors.ts';
import { reshape as reshaped, type Shape, show, size, type Tensor } from '../base/tensor.ts';
import { input } from './check.ts';
import type { Op } from './op.ts';

export const reshape: Op<{ shape: Shape }> = {
  name: 'reshape',
  outputs(inputs, { shape }) {
    const x = input('reshape', inputs, 0);
    if (size(x.shape) !== size(shape)) throw new ShapeError('reshape', `${show(x.shape)} does not fit ${show(shape)}`);
    return [{ shape, dtype: x.dtype }];
  },
  view: (inputs, { shape }) => reshaped(input('reshape', inputs, 0), shape),
  gradient: ({ ops, inputs: [x], gradients: [dy], give }) => give(0, ops.reshape(dy as Tensor, (x as Tensor).shape)),
};
