/** See ops/sum-slots.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const sumSlots: Kernel<undefined> = ([z, gates], [y]) => {
  const [, active = 0, m = 0] = (z as Tensor).shape;
  const [input, factors, out] = [numbersOf(z as Tensor), numbersOf(gates as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < out.length; i++) {
    const [t, j] = [Math.floor(i / m), i % m];
    let sum = 0;
    for (let slot = t * active; slot < (t + 1) * active; slot++) sum += at(factors, slot) * at(input, slot * m + j);
    out[i] = sum;
  }
};
