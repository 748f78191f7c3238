/**
 * The identity on router logits, which writes down how they load the experts, and whose backward rule adds the gradient of an auxiliary loss.
 * Row `layer` of load[L, 2 X + 1] becomes, for logits[T, X], `count` chosen experts per token and P the softmax over all experts:
 *   X numbers  tokens that chose each expert        X numbers  sum over tokens of P        1 number  sum over tokens of logsumexp^2
 * -> the same logits [T, X]. The loss is a function of load (losses below); its gradient is computed when load is complete.
 */
import type { Tensor } from '../base/tensor.ts';
import { type BalanceAttrs, balanceLoadBackward } from './backward/balance-load-backward.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const balanceLoad: Op<BalanceAttrs> = {
  name: 'balanceLoad',
  outputs(inputs) {
    const logits = input('balanceLoad', inputs, 0);
    expect('balanceLoad', logits, [-1, -1], 'logits[T, X]');
    expect(
      'balanceLoad',
      input('balanceLoad', inputs, 1),
      [-1, 2 * (logits.shape[1] as number) + 1],
      'load[L, 2 X + 1]',
    );
    return [{ shape: logits.shape }];
  },
  mutates: (inputs) => inputs.slice(1, 2),
  gradient({ apply, inputs: [logits, load], gradients: [dy], attrs, give }) {
    give(0, dy as Tensor);
    give(0, apply(balanceLoadBackward, [logits as Tensor, load as Tensor], attrs)[0] as Tensor);
  },
};
