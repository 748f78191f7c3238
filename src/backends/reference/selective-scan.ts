/** See ops/selective-scan.ts. */
import { exp } from '../../base/math.ts';
import { rows, type Tensor } from '../../base/tensor.ts';
import { at, type Kernel, type Numbers } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const selectiveScan: Kernel<{ starts: readonly number[] }> = (inputs, [y], { starts }) => {
  const [x, dt, a, b, c, d, states, slots] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
  const [e = 0, n = 0] = a.shape;
  const [X, DT, A, B, C, D] = [x, dt, a, b, c, d].map(numbersOf) as Numbers[] as [
    Numbers,
    Numbers,
    Numbers,
    Numbers,
    Numbers,
    Numbers,
  ];
  const out = numbersOf(y as Tensor);
  numbersOf(slots).forEach((slot, i) => {
    const h = numbersOf(rows(states, slot, slot + 1));
    for (let t = at(starts, i); t < at(starts, i + 1); t++) {
      for (let channel = 0; channel < e; channel++) {
        const input = at(X, t * e + channel);
        const step = at(DT, t * e + channel);
        let sum = at(D, channel) * input;
        for (let j = 0; j < n; j++) {
          const k = channel * n + j;
          h[k] = exp(step * at(A, k)) * at(h, k) + step * at(B, t * n + j) * input;
          sum += at(h, k) * at(C, t * n + j);
        }
        out[t * e + channel] = sum;
      }
    }
  });
};
