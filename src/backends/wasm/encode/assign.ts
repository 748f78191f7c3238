/** See ops/assign.ts. */
import { byteSize } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const assign: Encoder<undefined> = (to, [target, source]) => {
  const { address, shape, dtype } = source as Located;
  to.begin('assign');
  to.u32((target as Located).address, address, byteSize(shape, dtype));
};
