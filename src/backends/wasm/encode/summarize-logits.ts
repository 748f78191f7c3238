/** See ops/summarize-logits.ts. */
import type { Encoder, Located } from '../command.ts';

export const summarizeLogits: Encoder<{ top: number }> = (to, [logits, targets], [y], { top }) => {
  to.begin('summarizeLogits');
  to.u32((y as Located).address, (logits as Located).address, targets?.address ?? 0);
  to.u32(...(logits as Located).shape, targets?.shape[1] ?? 0, top);
};
