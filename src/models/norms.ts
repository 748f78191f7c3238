/** Norms with their weights: x[T, width] -> the same. */
import type { Layer } from './pass.ts';
import type { Weights } from './weights.ts';

export function rmsNorm(w: Weights, name: string, width: number, eps: number): Layer {
  const gain = w.tensor(`${name}.weight`, [width]);
  return ({ ops }, x) => ops.rmsNorm(x, gain, eps);
}

export function layerNorm(w: Weights, name: string, width: number, eps: number): Layer {
  const gain = w.tensor(`${name}.weight`, [width]);
  const bias = w.tensor(`${name}.bias`, [width]);
  return ({ ops }, x) => ops.layerNorm(x, gain, bias, eps);
}
