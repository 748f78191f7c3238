/** See ops/backward/linear-backward.ts and ops/backward/linear-ternary-backward.ts. */
import type { Tensor } from '../../../base/tensor.ts';
import { at, type Kernel } from '../kernel.ts';
import { floatsOf, numbersOf } from '../memory.ts';

/** out[T, J] = sum over i of factors[i] dy_i w_i */
function products(dys: readonly Tensor[], ws: readonly Tensor[], factors: readonly number[], dx: Tensor): void {
  const [t = 0, j = 0] = dx.shape;
  const sum = new Float64Array(t * j);
  dys.forEach((dy, i) => {
    const [given, weights] = [numbersOf(dy), floatsOf(ws[i] as Tensor)];
    const n = dy.shape[1] as number;
    for (let token = 0; token < t; token++) {
      for (let row = 0; row < n; row++) {
        const factor = at(given, token * n + row) * at(factors, i);
        for (let column = 0; column < j; column++)
          sum[token * j + column] = at(sum, token * j + column) + factor * at(weights, row * j + column);
      }
    }
  });
  numbersOf(dx).set(sum);
}

export const linearBackward: Kernel<undefined> = (inputs, [dx]) => {
  const count = inputs.length / 2;
  const ones = Array.from({ length: count }, () => 1);
  products(inputs.slice(0, count), inputs.slice(count), ones, dx as Tensor);
};

export const linearTernaryBackward: Kernel<{ wScale: 'divide' | 'multiply' }> = (inputs, [dx], { wScale }) => {
  const count = inputs.length / 3;
  const factors = inputs.slice(2 * count).map((scale) => {
    const factor = at(numbersOf(scale), 0);
    return wScale === 'divide' ? 1 / factor : factor;
  });
  products(inputs.slice(0, count), inputs.slice(count, 2 * count), factors, dx as Tensor);
};
