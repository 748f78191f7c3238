/** See ops/rope.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const rope: Kernel<undefined> = ([x, cosines, sines], [y]) => {
  const [t = 0, h = 0, d = 0] = (x as Tensor).shape;
  const half = d / 2;
  const [input, cos, sin] = [numbersOf(x as Tensor), numbersOf(cosines as Tensor), numbersOf(sines as Tensor)];
  const out = numbersOf(y as Tensor);
  for (let row = 0; row < t * h; row++) {
    const angles = Math.floor(row / h) * half;
    for (let i = 0; i < half; i++) {
      const [c, s] = [at(cos, angles + i), at(sin, angles + i)];
      const [a, b] = [at(input, row * d + i), at(input, row * d + i + half)];
      out[row * d + i] = a * c - b * s;
      out[row * d + i + half] = b * c + a * s;
    }
  }
};
