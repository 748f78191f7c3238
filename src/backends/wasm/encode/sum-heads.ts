/** See ops/sum-heads.ts. */
import type { Encoder, Located } from '../command.ts';

export const sumHeads: Encoder<{ by: number }> = (to, [z], [y], { by }) => {
  to.begin('sumHeads');
  to.u32((y as Located).address, (z as Located).address, ...(z as Located).shape);
  to.f32(by);
};
