/** Causal self-attention (ops/attention.ts): the branch of a block, without norm and residual. */
import type { Tensor } from '../base/tensor.ts';
import { showHeads } from './head-results.ts';
import type { DeclaredSite, Part } from './part.ts';
import type { Layer } from './pass.ts';
import type { Linear, Linears } from './weights.ts';

const RESULT = 'what each head adds to attnOut, without the bias of the projection; large, computed only for taps';

export interface AttentionParts {
  readonly nHeads: number;
  /** Number of key/value heads, shared among the query heads. */
  readonly nKeyHeads: number;
  readonly dHead: number;
  /** Factor of q k before the softmax. */
  readonly scale: number;
  /** [T, M] -> q[T, H D], k[T, K D], v[T, K D] */
  readonly qkv: Linears;
  /** Between heads and output projection: [T, H D] -> the same. */
  readonly subNorm?: Layer | undefined;
  /** Output projection [T, H D] -> [T, M], whose input is the site `reads`. */
  readonly out: (reads: DeclaredSite) => Linear;
}

/** x[T, M], normalised -> [T, M]. `result`: the site of what each head adds to the output. */
export interface Attention extends Layer {
  readonly result: DeclaredSite;
}

export function attention(
  part: Part,
  { nHeads, nKeyHeads, dHead, scale, qkv, subNorm, ...parts }: AttentionParts,
): Attention {
  const sites = {
    q: part.site('q', '[T, H, D]', 'queries, after rotary positions if there are any'),
    k: part.site('k', '[T, K, D]', 'keys, after rotary positions if there are any'),
    v: part.site('v', '[T, K, D]', 'values'),
    pattern: part.site(
      'pattern',
      '[H, T, S]',
      'attention probabilities; a tap on them disables the fused attention kernel',
    ),
    z: part.site('z', '[T, H, D]', 'values weighted by the pattern, per head'),
  };
  const zNorm = subNorm && part.site('zNorm', '[T, M]', 'z after its own norm');
  const out = parts.out(zNorm ?? sites.z);
  const result = part.site('result', '[T, H, M]', RESULT);
  const past = part.keysValues([nKeyHeads, dHead]);
  const apply: Layer = (pass, x) => {
    const { ops, batch, show, angles } = pass;
    const t = batch.length;
    const turned = (heads: Tensor) => (angles ? ops.rope(heads, angles) : heads);
    const [q0, k0, v0] = qkv(pass, x) as [Tensor, Tensor, Tensor];
    const q = show(sites.q, turned(ops.reshape(q0, [t, nHeads, dHead]))); // [T, H, D]
    const k = show(sites.k, turned(ops.reshape(k0, [t, nKeyHeads, dHead]))); // [T, K, D]
    const v = show(sites.v, ops.reshape(v0, [t, nKeyHeads, dHead])); // [T, K, D]
    const remembered = batch.rememberKeysValues(ops, past, k, v);
    const heads = show(sites.z, ops.attention(q, remembered, scale, show.each(sites.pattern))); // [T, H, D]
    const z = ops.reshape(heads, [t, nHeads * dHead]); // [T, H D]
    const read = subNorm && zNorm ? show(zNorm, subNorm(pass, z)) : z;
    return showHeads(pass, { read, made: out(pass, read), out, nHeads }, result);
  };
  return Object.assign(apply, { result });
}
