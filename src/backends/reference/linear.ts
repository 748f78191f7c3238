/** See ops/linear.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, dot, type Kernel } from './kernel.ts';
import { floatsOf, numbersOf, readBy } from './memory.ts';

export const linear: Kernel<{ count: number }> = ([x, ...given], outputs, { count }) => {
  const j = (x as Tensor).shape[1] as number;
  outputs.forEach((y, m) => {
    const [w, bias] = [given[m] as Tensor, given[m + count]];
    const [n = 0] = w.shape;
    const [input, weights] = [readBy(w.dtype, numbersOf(x as Tensor), j), floatsOf(w)];
    const shift = bias && numbersOf(bias);
    const out = numbersOf(y);
    for (let i = 0; i < out.length; i++) {
      const row = i % n;
      out[i] = dot(input, Math.floor(i / n) * j, weights, row * j, j) + (shift ? at(shift, row) : 0);
    }
  });
};
