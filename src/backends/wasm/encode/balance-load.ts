/** See ops/balance-load.ts. */
import type { BalanceAttrs } from '../../../ops/backward/balance-load-backward.ts';
import type { Encoder, Located } from '../command.ts';

/** Tokens of a piece of assembly/balance-load.ts. */
const PIECE = 64;

export const balanceLoad: Encoder<BalanceAttrs> = (to, [logits, load], [y], { layer, count }) => {
  const [t = 0, x = 0] = (logits as Located).shape;
  const width = 2 * x + 1;
  const pieces = Math.ceil(t / PIECE);
  const row = (load as Located).address + 4 * layer * width;
  const sums = to.temp(4 * pieces * width);
  to.begin('zeros');
  to.u32(row, 4 * width);
  to.begin('balanceLoad', { scratchBytes: 4 * x });
  to.u32((y as Located).address, (logits as Located).address, sums, t, x, count);
  to.begin('addColumns', { after: true });
  to.u32(row, sums, pieces, width);
};
