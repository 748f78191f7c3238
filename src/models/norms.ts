/** Norms with their weights: x[T, width] -> the same. */

import type { Tensor } from '../base/tensor.ts';
import type { ResidualStream } from './model.ts';
import type { Part } from './part.ts';
import type { RowLayer } from './pass.ts';
import type { Weights } from './weights.ts';

export interface Norm extends RowLayer {
  readonly kind: 'rms' | 'layer';
  readonly eps: number;
  readonly gain: Tensor;
  readonly bias?: Tensor;
}

export function rmsNorm(w: Weights, name: string, width: number, eps: number): Norm {
  const gain = w.tensor(`${name}.weight`, [width]);
  const apply: RowLayer = ({ ops }, x) => ops.rmsNorm(x, gain, eps);
  return Object.assign(apply, { kind: 'rms', eps, gain } as const);
}

export function layerNorm(w: Weights, name: string, width: number, eps: number): Norm {
  const gain = w.tensor(`${name}.weight`, [width]);
  const bias = w.tensor(`${name}.bias`, [width]);
  const apply: RowLayer = ({ ops }, x) => ops.layerNorm(x, gain, bias, eps);
  return Object.assign(apply, { kind: 'layer', eps, gain, bias } as const);
}

/** Declares the weights of the norm that follows the last block. */
export function finalNorm(part: Part, { kind, eps, gain, bias }: Norm): ResidualStream['norm'] {
  part.parameter('finalNorm.gain', '[M]', 'gain of the norm after the last block', gain.shape, gain);
  if (!bias) return { kind, eps, gain: 'finalNorm.gain' };
  part.parameter('finalNorm.bias', '[M]', 'bias of the norm after the last block', bias.shape, bias);
  return { kind, eps, gain: 'finalNorm.gain', bias: 'finalNorm.bias' };
}
