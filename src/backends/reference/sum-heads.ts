/** See ops/sum-heads.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const sumHeads: Kernel<{ by: number }> = ([z], [y], { by }) => {
  const [t = 0, h = 0, m = 0] = (z as Tensor).shape;
  const [input, out] = [numbersOf(z as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < t; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let head = 0; head < h; head++) sum += at(input, (i * h + head) * m + j);
      out[i * m + j] = by * sum;
    }
  }
};
