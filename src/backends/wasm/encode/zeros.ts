/** See ops/zeros.ts. */
import { byteSize } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const zeros: Encoder<unknown> = (to, _, [y]) => {
  to.begin('zeros');
  to.u32((y as Located).address, byteSize((y as Located).shape, (y as Located).dtype));
};
