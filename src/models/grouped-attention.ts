/** Causal self-attention with rotary positions and grouped key/value heads (Llama, Granite): the branch, without norm and residual. */
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';
import type { StateTensor } from './model.ts';
import type { Rotary } from './rotary.ts';
import type { Sight } from './tap.ts';
import type { Weights } from './weights.ts';

export interface AttentionConfig {
  readonly dModel: number;
  readonly nHeads: number;
  readonly nKeyHeads: number;
  readonly dHead: number;
  /** Multiplies q k. */
  readonly attentionScale: number;
  readonly attentionBias: boolean;
  /** BitNet 2B-4T norms what goes into the output projection. */
  readonly subNorms: boolean;
  readonly eps: number;
}

export const keyValueState = (i: number, { nKeyHeads, dHead }: AttentionConfig): StateTensor[] =>
  ['k', 'v'].map((name) => ({ name: `blocks.${i}.${name}`, shape: [nKeyHeads, dHead], grows: true }));

export interface GroupedAttention {
  /** x[T, M], normalised -> [T, M] */
  (ops: Ops, x: Tensor, batch: Batch, angles: Rotary, at: Sight): Tensor;
  readonly quantises: boolean;
}

export function groupedAttention(w: Weights, prefix: string, c: AttentionConfig): GroupedAttention {
  const width = c.nHeads * c.dHead;
  const keyWidth = c.nKeyHeads * c.dHead;
  const bias = { bias: c.attentionBias };
  const qkv = w.linears(['q_proj', 'k_proj', 'v_proj'], c.dModel, [width, keyWidth, keyWidth], bias);
  const out = w.linear('o_proj', width, c.dModel, bias);
  const subNorm = c.subNorms ? w.tensor('attn_sub_norm.weight', [width]) : undefined;

  const run = (ops: Ops, x: Tensor, batch: Batch, angles: Rotary, at: Sight): Tensor => {
    const t = batch.length;
    const [q0, k0, v0] = qkv(ops, x, at, 'attnIn') as [Tensor, Tensor, Tensor];
    const q = at('q', ops.rope(ops.reshape(q0, [t, c.nHeads, c.dHead]), angles)); // [T, H, D]
    const k = at('k', ops.rope(ops.reshape(k0, [t, c.nKeyHeads, c.dHead]), angles)); // [T, K, D]
    const v = at('v', ops.reshape(v0, [t, c.nKeyHeads, c.dHead])); // [T, K, D]
    const past = batch.rememberKeysValues(ops, prefix, k, v);
    const heads = at('z', ops.attention(q, past, c.attentionScale, at.each('pattern'))); // [T, H, D]
    const z = ops.reshape(heads, [t, width]); // [T, H D]
    return out(ops, subNorm ? at('zNorm', ops.rmsNorm(z, subNorm, c.eps)) : z, at, 'z');
  };
  return Object.assign(run, { quantises: out.quantises });
}
