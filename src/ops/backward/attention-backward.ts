/**
 * Backward of `attention` (attention.ts), from its inputs, its output z and dz; the probabilities are computed again, some queries at a time,
 * so none are kept (arXiv 2205.14135 §B.2). Keys and values are f32. q[T, H, D], k[R, K, D], v[R, K, Dv], tables i32 [B, P], lengths i32
 * [B], z[T, H, Dv], dz[T, H, Dv], and gains[B, C, H] if there are any -> dq[T, H, D], dk[R, K, D], dv[R, K, Dv]. Rows of pools that no
 * sequence reads get zeros. The sequences must not share pages. Gains get no gradient. The score of a token that sees only itself gets none, exactly:
 * what rounding would leave there becomes a whole step in optimisers that divide by the size of gradients.
 */
import type { Tensor } from '../../base/tensor.ts';
import { type AttentionAttrs, attention } from '../attention.ts';
import { expect, input } from '../check.ts';
import type { Op, Output } from '../op.ts';
import { checkGains } from '../pools.ts';

const NAME = 'attentionBackward';

export const attentionBackward: Op<AttentionAttrs> = {
  name: NAME,
  outputs(inputs, attrs) {
    const forward = [0, 1, 2, 3, 4].map((i) => input(NAME, inputs, i));
    const [q, k, v] = forward as [Tensor, Tensor, Tensor];
    for (const pool of [k, v]) expect(NAME, pool, pool.shape, 'keys or values');
    const [z] = attention.outputs(forward, attrs) as [Output];
    expect(NAME, input(NAME, inputs, 5), z.shape, 'z[T, H, Dv]');
    expect(NAME, input(NAME, inputs, 6), z.shape, 'dz[T, H, Dv]');
    checkGains(NAME, inputs[7], attrs.starts.length - 1, z.shape[1] as number);
    return [q, k, v].map(({ shape }) => ({ shape }));
  },
};
