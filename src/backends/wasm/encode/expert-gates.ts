/** See ops/expert-gates.ts. */
import type { Encoder, Located } from '../command.ts';

export const expertGates: Encoder<undefined> = (to, [logits, ids], [gates]) => {
  to.begin('expertGates');
  to.u32((gates as Located).address, (logits as Located).address, (ids as Located).address);
  to.u32(...(logits as Located).shape, (ids as Located).shape[1] as number);
};
