/** See ops/quantize-rows.ts. */
import type { Encoder, Located } from '../command.ts';

export const quantizeRows: Encoder<undefined> = (to, [x], [q, s]) => {
  to.begin('quantizeRows');
  to.u32((q as Located).address, (s as Located).address, (x as Located).address, ...(x as Located).shape);
};
