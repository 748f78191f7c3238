/**
 * The gradient of the auxiliary losses of a mixture of experts (balance-load.ts) by the router logits of one layer. With n_e the tokens of all
 * `layers` layers that chose expert e, T the tokens of one layer, and P the softmax of a row:
 *   term of balance  balance * P (c - sum over e of c_e P_e), c_e = n_e of all layers (`pooled`) or of this layer
 *   term of z        z * 2 logsumexp P
 * The two factors contain the coefficients and counts of the definition in use. logits[T, X], load[L, 2 X + 1] -> dlogits[T, X].
 */
import { expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'balanceLoadBackward';

export interface BalanceAttrs {
  /** Row of `load`. */
  readonly layer: number;
  /** Experts chosen per token. */
  readonly count: number;
  /** Are the counts of all layers added up? */
  readonly pooled: boolean;
  /** Factor of the balance term. */
  readonly balance: number;
  /** Factor of the z term. */
  readonly z: number;
}

export const balanceLoadBackward: Op<BalanceAttrs> = {
  name: NAME,
  outputs(inputs) {
    const logits = input(NAME, inputs, 0);
    expect(NAME, logits, [-1, -1], 'logits[T, X]');
    expect(NAME, input(NAME, inputs, 1), [-1, 2 * (logits.shape[1] as number) + 1], 'load[L, 2 X + 1]');
    return [{ shape: logits.shape }];
  },
};
