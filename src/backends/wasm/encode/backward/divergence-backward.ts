/** See ops/backward/divergence-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

export const divergenceBackward: Encoder<undefined> = (to, [wanted, logits, dy], [dlogits]) => {
  to.begin('divergenceBackward');
  to.u32(...[dlogits, wanted, logits, dy].map((x) => (x as Located).address), ...(logits as Located).shape);
};
