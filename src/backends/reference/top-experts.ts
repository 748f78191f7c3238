/** See ops/top-experts.ts. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const topExperts: Kernel<{ count: number }> = ([logits], [ids, gates], { count }) => {
  const [t = 0, x = 0] = (logits as Tensor).shape;
  const scores = numbersOf(logits as Tensor);
  for (let i = 0; i < t; i++) {
    const order = Array.from({ length: x }, (_, expert) => expert)
      .sort((a, b) => at(scores, i * x + b) - at(scores, i * x + a) || a - b)
      .slice(0, count);
    const exps = order.map((expert) => exp(at(scores, i * x + expert) - at(scores, i * x + at(order, 0))));
    const sum = exps.reduce((p, q) => p + q, 0);
    numbersOf(ids as Tensor).set(order, i * count);
    numbersOf(gates as Tensor).set(
      exps.map((value) => value / sum),
      i * count,
    );
  }
};
