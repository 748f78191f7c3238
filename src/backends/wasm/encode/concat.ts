/** See ops/concat.ts. */
import { byteSize } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const concat: Encoder<undefined> = (to, parts, [y]) => {
  let { address } = y as Located;
  for (const x of parts) {
    const bytes = byteSize(x.shape, x.dtype);
    to.begin('assign');
    to.u32(address, x.address, bytes);
    address += bytes;
  }
};
