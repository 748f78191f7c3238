/** See ops/attend-pattern.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';
import { pastOf, weigh, withGains } from './past.ts';

export const attendPattern: Kernel<undefined> = ([pattern, vPool, table, gains], [y]) => {
  const [h = 0, t = 0, s = 0] = (pattern as Tensor).shape;
  const p = numbersOf(pattern as Tensor);
  const v = pastOf(vPool as Tensor, numbersOf(table as Tensor), s);
  const factors = gains && numbersOf(gains);
  const out = numbersOf(y as Tensor) as Float32Array;
  for (let row = 0; row < t * h; row++) {
    const [i, head] = [Math.floor(row / h), row % h];
    const from = (head * t + i) * s;
    const own = p.subarray(from, from + s) as Float32Array;
    weigh(factors ? withGains(own, factors, head, h) : own, v, Math.floor((head * v.heads) / h), out, row * v.width);
  }
};
