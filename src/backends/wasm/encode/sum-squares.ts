/** See ops/sum-squares.ts. */
import { size } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const sumSquares: Encoder<undefined> = (to, [x], [y]) => {
  to.begin('sumSquares');
  to.u32((y as Located).address, (x as Located).address, size((x as Located).shape));
};
