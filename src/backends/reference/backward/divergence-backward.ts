/** See ops/backward/divergence-backward.ts. */
import { exp } from '../../../base/math.ts';
import type { Tensor } from '../../../base/tensor.ts';
import { logSumExp } from '../cross-entropy.ts';
import { at, type Kernel } from '../kernel.ts';
import { numbersOf, row } from '../memory.ts';

export const divergenceBackward: Kernel<undefined> = ([wanted, logits, dy], [dlogits]) => {
  numbersOf(dy as Tensor).forEach((by, n) => {
    const [before, after, out] = [wanted, logits, dlogits].map((x) => row(x as Tensor, n)) as [
      ReturnType<typeof row>,
      ReturnType<typeof row>,
      ReturnType<typeof row>,
    ];
    const [totalBefore, totalAfter] = [logSumExp(before), logSumExp(after)];
    for (let v = 0; v < out.length; v++)
      out[v] = by * (exp(at(after, v) - totalAfter) - exp(at(before, v) - totalBefore));
  });
};
