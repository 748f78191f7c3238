/** See ops/divergence.ts. */
import type { Encoder, Located } from '../command.ts';

export const divergence: Encoder<undefined> = (to, [wanted, logits], [y]) => {
  to.begin('divergence');
  to.u32(...[y, wanted, logits].map((x) => (x as Located).address), ...(logits as Located).shape);
};
