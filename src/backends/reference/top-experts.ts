/** See ops/top-experts.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { softmax } from './expert-gates.ts';
import { at, type Kernel } from './kernel.ts';
import { row } from './memory.ts';

export const topExperts: Kernel<{ count: number }> = ([logits], [ids, gates], { count }) => {
  const [t = 0, x = 0] = (logits as Tensor).shape;
  for (let i = 0; i < t; i++) {
    const scores = row(logits as Tensor, i);
    const order = Array.from({ length: x }, (_, expert) => expert)
      .sort((a, b) => at(scores, b) - at(scores, a) || a - b)
      .slice(0, count);
    row(ids as Tensor, i).set(order);
    row(gates as Tensor, i).set(softmax(scores, order));
  }
};
