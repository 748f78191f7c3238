/** Gated feed-forward network (arXiv 2002.05202): down(activation(gate(x)) * up(x)). x[T, M] -> [T, M] */

import type { Tensor } from '../base/tensor.ts';
import type { Activation } from '../ops/index.ts';
import { rmsNorm } from './norms.ts';
import type { DeclaredSite, Part } from './part.ts';
import type { Layer } from './pass.ts';
import type { Weights } from './weights.ts';

export interface MlpConfig {
  readonly dModel: number;
  readonly dInner: number;
  readonly activation: Activation;
  readonly mlpBias: boolean;
  /** BitNet 2B-4T has a norm before the down projection. */
  readonly subNorms: boolean;
  readonly eps: number;
}

/** `reads`: the site of x. */
export function gatedMlp(w: Weights, part: Part, reads: DeclaredSite, c: MlpConfig): Layer {
  const gateUp = w.linears(['gate_proj', 'up_proj'], c.dModel, [c.dInner, c.dInner], { bias: c.mlpBias, reads });
  const mlpHidden = hiddenOf(part);
  const subNorm = c.subNorms ? rmsNorm(w, 'ffn_sub_norm', c.dInner, c.eps) : undefined;
  const mlpNorm = subNorm && part.site('mlpNorm', '[T, F]', 'mlpHidden after its own norm');
  const down = w.linear('down_proj', c.dInner, c.dModel, { bias: c.mlpBias, reads: mlpNorm ?? mlpHidden });
  return (pass, x) => {
    const { ops, show } = pass;
    const [gate, up] = gateUp(pass, x) as [Tensor, Tensor];
    const inner = show(mlpHidden, ops.gate(gate, up, c.activation)); // [T, F]
    return down(pass, subNorm && mlpNorm ? show(mlpNorm, subNorm(pass, inner)) : inner);
  };
}

export const hiddenOf = (part: Part) => part.site('mlpHidden', '[T, F]', 'activations inside of the feed-forward part');
