/** See ops/elementwise.ts. */
import { exp, log1p, tanh } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Activation } from '../../ops/index.ts';
import { activations, at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

/** A kernel that maps numbers one by one. */
export function each<Attrs>(f: (values: number[], attrs: Attrs) => number): Kernel<Attrs> {
  return (inputs, [y], attrs) => {
    const given = inputs.map(numbersOf);
    const out = numbersOf(y as Tensor);
    for (let i = 0; i < out.length; i++) {
      out[i] = f(
        given.map((x) => at(x, i)),
        attrs,
      );
    }
  };
}

const tanhGelu = (x: number) => 0.5 * x * (1 + tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

export const add = each<{ by: number }>(([x, y], { by }) => (x as number) + by * (y as number));
export const scale = each<{ by: number }>(([x], { by }) => by * (x as number));
export const gelu = each(([x]) => tanhGelu(x as number));
export const softplus = each(([x]) => ((x as number) > 20 ? (x as number) : log1p(exp(x as number))));
export const negExp = each(([x]) => -exp(x as number));
export const gate = each<{ activation: Activation }>(
  ([g, u], { activation }) => activations[activation](g as number) * (u as number),
);
