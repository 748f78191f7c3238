/** See ops/layer-norm.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel, type Numbers } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const layerNorm: Kernel<{ eps: number }> = ([x, gain, bias], [y], { eps }) => {
  const [t = 0, m = 0] = (x as Tensor).shape;
  const [input, g, b, out] = [x, gain, bias, y].map((tensor) => numbersOf(tensor as Tensor)) as [
    Numbers,
    Numbers,
    Numbers,
    Float32Array,
  ];
  for (let i = 0; i < t; i++) {
    let mean = 0;
    for (let j = 0; j < m; j++) mean += at(input, i * m + j) / m;
    let variance = 0;
    for (let j = 0; j < m; j++) variance += (at(input, i * m + j) - mean) ** 2 / m;
    const factor = 1 / Math.sqrt(variance + eps);
    for (let j = 0; j < m; j++) out[i * m + j] = (at(input, i * m + j) - mean) * factor * at(g, j) + at(b, j);
  }
};
