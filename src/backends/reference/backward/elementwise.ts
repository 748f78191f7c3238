/** See ops/backward/elementwise-backward.ts. */
import { exp, tanh } from '../../../base/math.ts';
import type { Tensor } from '../../../base/tensor.ts';
import type { Activation } from '../../../ops/index.ts';
import { each } from '../elementwise.ts';
import { activations, at, type Kernel } from '../kernel.ts';
import { numbersOf } from '../memory.ts';

/** Derivatives of the activations. */
export const slopes: Record<Activation, (x: number) => number> = {
  silu: (x) => {
    const s = 1 / (1 + exp(-x));
    return s * (1 + x * (1 - s));
  },
  relu2: (x) => 2 * Math.max(x, 0),
};

export const multiply = each(([x, y]) => (x as number) * (y as number));

export const geluBackward = each(([x, dy]) => {
  const [value, factor] = [x as number, Math.sqrt(2 / Math.PI)];
  const t = tanh(factor * (value + 0.044715 * value * value * value));
  const inner = factor * (1 + 3 * 0.044715 * value * value);
  return (dy as number) * (0.5 * (1 + t) + 0.5 * value * (1 - t * t) * inner);
});

export const softplusBackward = each(([x, dy]) =>
  (x as number) > 20 ? (dy as number) : (dy as number) / (1 + exp(-(x as number))),
);

export const gateBackward: Kernel<{ activation: Activation }> = (inputs, outputs, { activation }) => {
  const [g, u, dy] = inputs.map(numbersOf) as [Float32Array, Float32Array, Float32Array];
  const [dg, du] = outputs.map(numbersOf) as [Float32Array, Float32Array];
  for (let i = 0; i < dg.length; i++) {
    dg[i] = at(dy, i) * at(u, i) * slopes[activation](at(g, i));
    du[i] = at(dy, i) * activations[activation](at(g, i));
  }
};

export const repeatHeads: Kernel<{ by: number; heads: number }> = ([x], [z], { by, heads }) => {
  const m = (x as Tensor).shape[1] as number;
  const [input, out] = [numbersOf(x as Tensor), numbersOf(z as Tensor)];
  for (let i = 0; i < out.length; i++) out[i] = by * at(input, Math.floor(i / (heads * m)) * m + (i % m));
};
