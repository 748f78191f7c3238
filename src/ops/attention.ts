/**
 * Causal attention (arXiv 1706.03762) with grouped heads (arXiv 2305.13245): query head h reads key/value head floor(h K / H).
 *
 * It runs over packed sequences: rows starts[b]..starts[b + 1] of q belong to sequence b, whose lengths[b] keys and values,
 * those of its own rows last, are in the pages tables[b] of the pools k and v (src/base/pages.ts). Query n of N attends to the keys
 * 0..lengths[b] - N + n. q[T, H, D], k[R, K, D], v[R, K, Dv], tables i32 [B, P], lengths i32 [B] -> z[T, H, Dv]. Softmax in f32. The
 * pools are of any format in src/formats/key-values.ts.
 *
 * With the optional gains[B, C, H], C >= the longest sequence, the probability of key s for head h is multiplied by gains[b, s, h], and not
 * normalised again (arXiv 2305.16765, eq. 15). A key beyond C has gain 1.
 *
 * `attentionPattern` and `attendPattern` compute the same in two steps, so that taps can read or change the probabilities.
 */

import { ShapeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { attentionBackward } from './backward/attention-backward.ts';
import { axis, checkStarts, expect, input } from './check.ts';
import type { Op } from './op.ts';
import { bytesOfPages, checkGains, checkPool, KEY_VALUE_DTYPES } from './pools.ts';

export interface AttentionAttrs {
  /** Factor of q k before the softmax. */
  readonly scale: number;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
}

export const attention: Op<AttentionAttrs> = {
  name: 'attention',
  outputs(inputs, { starts }) {
    const [q, k, v] = [0, 1, 2].map((i) => input('attention', inputs, i)) as [Tensor, Tensor, Tensor];
    expect('attention', q, [-1, -1, -1], 'q[T, H, D]');
    const [t = 0, h = 0, d = 0] = q.shape;
    checkStarts('attention', starts, t);
    expect('attention', k, [-1, -1, d], 'k[R, K, D]', KEY_VALUE_DTYPES);
    const [r = 0, heads = 0] = k.shape;
    expect('attention', v, [r, heads, -1], 'v[R, K, Dv]', KEY_VALUE_DTYPES);
    checkPool('attention', k);
    if (h % heads !== 0) throw new ShapeError('attention', `${h} query heads do not divide into ${heads} key heads`);
    const sequences = starts.length - 1;
    expect('attention', input('attention', inputs, 3), [sequences, -1], 'tables[B, P]', ['i32']);
    expect('attention', input('attention', inputs, 4), [sequences], 'lengths[B]', ['i32']);
    checkGains('attention', inputs[5], sequences, h);
    return [{ shape: [t, h, axis('attention', v, 2)] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1, 2], 3),
  gradient({ apply, inputs, outputs: [z], gradients: [dz], attrs, wants, give }) {
    const past = inputs.slice(0, 5);
    const all = apply(attentionBackward, [...past, z as Tensor, dz as Tensor, ...inputs.slice(5)], attrs);
    all.forEach((gradient, i) => {
      if (wants(i)) give(i, gradient);
    });
  },
};
