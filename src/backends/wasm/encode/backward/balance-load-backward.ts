/** See ops/backward/balance-load-backward.ts. */
import type { BalanceAttrs } from '../../../../ops/backward/balance-load-backward.ts';
import type { Encoder, Located } from '../../command.ts';

export const balanceLoadBackward: Encoder<BalanceAttrs> = (
  to,
  [logits, load],
  [dlogits],
  { layer, pooled, balance, z },
) => {
  const [t = 0, x = 0] = (logits as Located).shape;
  const [layers = 0] = (load as Located).shape;
  to.begin('balanceLoadBackward', { scratchBytes: 4 * x });
  to.u32(...[dlogits, logits, load].map((some) => (some as Located).address), t, x);
  to.u32(...(pooled ? [0, layers] : [layer, layer + 1]));
  to.f32(balance);
  to.f32(z);
};
