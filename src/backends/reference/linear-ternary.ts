/** See ops/linear-ternary.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, dot, type Kernel } from './kernel.ts';
import { floatsOf, numbersOf } from './memory.ts';

export const linearTernary: Kernel<{ wScale: 'divide' | 'multiply'; count: number }> = (
  [q, s, ...given],
  outputs,
  { wScale, count },
) => {
  const [codes, scales] = [numbersOf(q as Tensor), numbersOf(s as Tensor)];
  const { fround } = Math;
  outputs.forEach((y, m) => {
    const [w, scaleOfW, bias] = [given[m] as Tensor, given[count + m] as Tensor, given[2 * count + m]];
    const [n = 0, j = 0] = w.shape;
    const weights = floatsOf(w);
    const factor = at(numbersOf(scaleOfW), 0);
    const shift = bias && numbersOf(bias);
    const out = numbersOf(y);
    for (let i = 0; i < out.length; i++) {
      const [t, row] = [Math.floor(i / n), i % n];
      const sum = dot(codes, t * j, weights, row * j, j);
      const s1 = at(scales, t);
      const scaled = wScale === 'divide' ? fround(sum / fround(s1 * factor)) : fround(fround(sum / s1) * factor);
      out[i] = scaled + (shift ? at(shift, row) : 0);
    }
  });
};
