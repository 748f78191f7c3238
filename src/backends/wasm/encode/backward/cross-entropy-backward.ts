/** See ops/backward/cross-entropy-backward.ts. */
import type { Encoder, Located } from '../../command.ts';

export const crossEntropyBackward: Encoder<undefined> = (to, [logits, targets, dy], [dlogits]) => {
  to.begin('crossEntropyBackward');
  to.u32(...[dlogits, logits, targets, dy].map((x) => (x as Located).address), ...(logits as Located).shape);
};
