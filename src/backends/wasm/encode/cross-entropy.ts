/** See ops/cross-entropy.ts. */
import type { Encoder, Located } from '../command.ts';

export const crossEntropy: Encoder<undefined> = (to, [logits, targets], [y]) => {
  to.begin('crossEntropy');
  to.u32(...[y, logits, targets].map((x) => (x as Located).address), ...(logits as Located).shape);
};
