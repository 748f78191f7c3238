/** See ops/mark-non-finite.ts. */
import { size } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

export const markNonFinite: Encoder<undefined> = (to, [mark, x]) => {
  to.begin('markNonFinite');
  to.u32((mark as Located).address, (x as Located).address, size((x as Located).shape));
};
