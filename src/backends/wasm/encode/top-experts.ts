/** See ops/top-experts.ts. */
import type { Encoder, Located } from '../command.ts';

export const topExperts: Encoder<{ count: number }> = (to, [logits], [ids, gates], { count }) => {
  to.begin('topExperts');
  to.u32((ids as Located).address, (gates as Located).address, (logits as Located).address);
  to.u32(...(logits as Located).shape, count);
};
