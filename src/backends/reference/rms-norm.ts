/** See ops/rms-norm.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, dot, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const rmsNorm: Kernel<{ eps: number }> = ([x, gain], [y], { eps }) => {
  const [t = 0, m = 0] = (x as Tensor).shape;
  const [input, g, out] = [numbersOf(x as Tensor), numbersOf(gain as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < t; i++) {
    const factor = 1 / Math.sqrt(dot(input, i * m, input, i * m, m) / m + eps);
    for (let j = 0; j < m; j++) out[i * m + j] = at(input, i * m + j) * factor * at(g, j);
  }
};
