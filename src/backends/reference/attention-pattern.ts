/** See ops/attention-pattern.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';
import { pastOf, probabilities } from './past.ts';

export const attentionPattern: Kernel<{ scale: number; keys: number }> = ([q, kPool, table], [y], { scale, keys }) => {
  const [t = 0, h = 0] = (q as Tensor).shape;
  const queries = numbersOf(q as Tensor);
  const k = pastOf(kPool as Tensor, numbersOf(table as Tensor), keys);
  const out = (numbersOf(y as Tensor) as Float32Array).fill(0);
  for (let head = 0; head < h; head++) {
    for (let i = 0; i < t; i++) {
      const group = Math.floor((head * k.heads) / h);
      out.set(probabilities(queries, i * h + head, k, group, keys - (t - 1 - i), scale), (head * t + i) * keys);
    }
  }
};
