/** Helpers shared by the kernels of the reference backend. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Activation } from '../../ops/index.ts';

export type Kernel<Attrs> = (inputs: readonly Tensor[], outputs: readonly Tensor[], attrs: Attrs) => void;
export type Numbers = ArrayLike<number>;

export const at = (x: Numbers, i: number): number => x[i] as number;

export const activations: Record<Activation, (x: number) => number> = {
  silu: (x) => x / (1 + exp(-x)),
  relu2: (x) => Math.max(x, 0) ** 2,
};

/** sum over n of x[i + n] y[j + n] */
export function dot(x: Numbers, i: number, y: Numbers, j: number, count: number): number {
  let sum = 0;
  for (let n = 0; n < count; n++) sum += at(x, i + n) * at(y, j + n);
  return sum;
}
