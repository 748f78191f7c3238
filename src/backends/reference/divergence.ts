/** See ops/divergence.ts. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import { logSumExp } from './cross-entropy.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf, row } from './memory.ts';

export const divergence: Kernel<undefined> = ([wanted, logits], [y]) => {
  const out = numbersOf(y as Tensor);
  for (let n = 0; n < out.length; n++) {
    const [before, after] = [row(wanted as Tensor, n), row(logits as Tensor, n)];
    const [totalBefore, totalAfter] = [logSumExp(before), logSumExp(after)];
    let sum = 0;
    for (let v = 0; v < before.length; v++) {
      const logP = at(before, v) - totalBefore;
      sum += exp(logP) * (logP - (at(after, v) - totalAfter));
    }
    out[n] = sum;
  }
};
