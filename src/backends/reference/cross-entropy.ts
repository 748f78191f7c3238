/** See ops/cross-entropy.ts and ops/backward/cross-entropy-backward.ts. */
import { exp, log } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf, row } from './memory.ts';

export function logSumExp(x: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < x.length; i++) most = Math.max(most, at(x, i));
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += exp(at(x, i) - most);
  return most + log(sum);
}

export const crossEntropy: Kernel<undefined> = ([logits, targets], [y]) => {
  const out = numbersOf(y as Tensor);
  numbersOf(targets as Tensor).forEach((target, n) => {
    const scores = row(logits as Tensor, n);
    const total = logSumExp(scores);
    out[2 * n] = target < 0 ? 0 : total - at(scores, target);
    out[2 * n + 1] = total * total;
  });
};

export const crossEntropyBackward: Kernel<undefined> = ([logits, targets, dy], [dlogits]) => {
  const given = numbersOf(dy as Tensor);
  numbersOf(targets as Tensor).forEach((target, n) => {
    const [scores, out] = [row(logits as Tensor, n), row(dlogits as Tensor, n)];
    const total = logSumExp(scores);
    const [ofTarget, ofSquare] = [target < 0 ? 0 : at(given, 2 * n), at(given, 2 * n + 1)];
    for (let v = 0; v < out.length; v++) {
      const p = exp(at(scores, v) - total);
      out[v] = ofTarget * (p - (v === target ? 1 : 0)) + 2 * ofSquare * total * p;
    }
  });
};
