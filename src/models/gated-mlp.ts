/** Gated feed-forward part (arXiv 2002.05202): down(activation(gate(x)) * up(x)). x[T, M] -> [T, M] */
import type { Activation } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { FeedForward } from './decoder.ts';
import type { Weights } from './weights.ts';

export interface MlpConfig {
  readonly dModel: number;
  readonly dInner: number;
  readonly activation: Activation;
  readonly mlpBias: boolean;
  /** BitNet 2B-4T norms what goes into the down projection. */
  readonly subNorms: boolean;
  readonly eps: number;
}

export function gatedMlp(w: Weights, c: MlpConfig): FeedForward {
  const bias = { bias: c.mlpBias };
  const gateUp = w.linears(['gate_proj', 'up_proj'], c.dModel, [c.dInner, c.dInner], bias);
  const down = w.linear('down_proj', c.dInner, c.dModel, bias);
  const subNorm = c.subNorms ? w.tensor('ffn_sub_norm.weight', [c.dInner]) : undefined;
  return (ops, x, at) => {
    const [gate, up] = gateUp(ops, x, at, 'mlpIn') as [Tensor, Tensor];
    const inner = at('mlpHidden', ops.gate(gate, up, c.activation)); // [T, F]
    return down(ops, subNorm ? at('mlpNorm', ops.rmsNorm(inner, subNorm, c.eps)) : inner, at, 'mlpHidden');
  };
}
