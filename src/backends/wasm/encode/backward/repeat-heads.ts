/** See ops/backward/repeat-heads.ts. */
import type { Encoder, Located } from '../../command.ts';

export const repeatHeads: Encoder<{ by: number; heads: number }> = (to, [x], [z], { by, heads }) => {
  to.begin('repeatHeads');
  to.u32((z as Located).address, (x as Located).address, ...(x as Located).shape, heads);
  to.f32(by);
};
