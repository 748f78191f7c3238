/** A tensor of zeros, of the element type of activations. */
import type { Shape } from '../base/tensor.ts';
import type { Op } from './op.ts';

export const zeros: Op<{ shape: Shape }> = {
  name: 'zeros',
  outputs: (_, { shape }) => [{ shape }],
};
