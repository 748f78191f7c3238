/**
 * Ops on one number at a time; all shapes equal.
 *   add       x + by * y                       scale     by * x
 *   gelu      tanh form (arXiv 1606.08415): 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
 *   softplus  log(1 + e^x), x itself above 20 (torch's threshold)
 *   negExp    -e^x: Mamba's A from A_log
 *   gate      activation(g) * u, with silu(g) = g / (1 + e^-g) or relu2(g) = max(g, 0)^2
 */
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export type Activation = 'silu' | 'relu2';

function sameShape<Attrs>(name: string, inputs: number): Op<Attrs> {
  return {
    name,
    outputs(given) {
      const x = input(name, given, 0);
      expect(name, x, x.shape, 'x');
      for (let i = 1; i < inputs; i++) expect(name, input(name, given, i), x.shape, `input ${i}`);
      return [{ shape: x.shape }];
    },
  };
}

export const add = sameShape<{ by: number }>('add', 2);
export const scale = sameShape<{ by: number }>('scale', 1);
export const gelu = sameShape<undefined>('gelu', 1);
export const softplus = sameShape<undefined>('softplus', 1);
export const negExp = sameShape<undefined>('negExp', 1);
export const gate = sameShape<{ activation: Activation }>('gate', 2);
