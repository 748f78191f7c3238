/**
 * Causal attention (arXiv 1706.03762) with grouped heads (arXiv 2305.13245): query head h reads key/value head floor(h K / H).
 *
 * `attention` runs over packed sequences: rows starts[i]..starts[i + 1] of q belong to sequence i, whose keys k_i[S_i, K, D]
 * and values v_i[S_i, K, Dv] hold the past first and the new rows last, so its n-th of N queries sees the keys 0..S_i - N + n.
 * Inputs q[T, H, D], k_0, v_0, k_1, v_1, ... -> z[T, H, Dv]. Softmax in f32. With length_0, length_1, ... (i32 [1]) behind them, S_i is what
 * stands there, and keys and values may have more rows.
 * Keys and values may be of any format in src/formats/key-values.ts.
 *
 * `attentionPattern` and `attendPattern` are the same in two steps, for one sequence, for those who want to see or change the
 * probabilities: q[T, H, D], k[S, K, D] -> pattern[H, T, S] (zero where not allowed); pattern, v[S, K, Dv] -> z[T, H, Dv].
 * `sumHeads` adds the heads up: z[T, H, M] -> by * sum over H, [T, M].
 */
import { ShapeError } from '../errors.ts';
import { KEY_VALUE_DTYPE } from '../formats/key-values.ts';
import { axis, checkStarts, expect, input } from './check.ts';
import type { Op } from './op.ts';

const KEY_VALUE_DTYPES = Object.values(KEY_VALUE_DTYPE);

export interface AttentionAttrs {
  /** Multiplies q k before the softmax. */
  readonly scale: number;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
}

export const attention: Op<AttentionAttrs> = {
  name: 'attention',
  outputs(inputs, { starts }) {
    const q = input('attention', inputs, 0);
    expect('attention', q, [-1, -1, -1], 'q[T, H, D]');
    const [t = 0, h = 0, d = 0] = q.shape;
    checkStarts('attention', starts, t);
    const sequences = starts.length - 1;
    if (inputs.length !== 1 + 2 * sequences && inputs.length !== 1 + 3 * sequences) {
      throw new ShapeError(
        'attention',
        `${sequences} sequences need keys and values each, and no lengths or ${sequences}, got ${inputs.length - 1} tensors`,
      );
    }
    for (const length of inputs.slice(1 + 2 * sequences)) expect('attention', length, [1], 'length[1]', ['i32']);
    const dv = axis('attention', input('attention', inputs, 2), 2);
    for (let i = 0; i + 1 < starts.length; i++) {
      const k = input('attention', inputs, 1 + 2 * i);
      expect('attention', k, [-1, -1, d], 'k[S, K, D]', KEY_VALUE_DTYPES);
      const [s = 0, heads = 0] = k.shape;
      expect('attention', input('attention', inputs, 2 + 2 * i), [s, heads, dv], 'v[S, K, Dv]', KEY_VALUE_DTYPES);
      if (h % heads !== 0) throw new ShapeError('attention', `${h} query heads do not divide into ${heads} key heads`);
      const count = (starts[i + 1] ?? 0) - (starts[i] ?? 0);
      if (s < count) throw new ShapeError('attention', `sequence ${i} has ${count} queries but ${s} keys`);
    }
    return [{ shape: [t, h, dv], dtype: 'f32' }];
  },
};

export const attentionPattern: Op<{ scale: number }> = {
  name: 'attentionPattern',
  outputs(inputs) {
    const q = input('attentionPattern', inputs, 0);
    const k = input('attentionPattern', inputs, 1);
    expect('attentionPattern', q, [-1, -1, -1], 'q[T, H, D]');
    const width = axis('attentionPattern', q, 2);
    expect('attentionPattern', k, [-1, -1, width], 'k[S, K, D]', KEY_VALUE_DTYPES);
    const [t = 0, h = 0] = q.shape;
    return [{ shape: [h, t, axis('attentionPattern', k, 0)], dtype: 'f32' }];
  },
};

export const attendPattern: Op<undefined> = {
  name: 'attendPattern',
  outputs(inputs) {
    const pattern = input('attendPattern', inputs, 0);
    const v = input('attendPattern', inputs, 1);
    expect('attendPattern', pattern, [-1, -1, -1], 'pattern[H, T, S]');
    expect('attendPattern', v, [axis('attendPattern', pattern, 2), -1, -1], 'v[S, K, Dv]', KEY_VALUE_DTYPES);
    const [h = 0, t = 0] = pattern.shape;
    return [{ shape: [t, h, axis('attendPattern', v, 2)], dtype: 'f32' }];
  },
};

export const sumHeads: Op<{ by: number }> = {
  name: 'sumHeads',
  outputs(inputs) {
    const z = input('sumHeads', inputs, 0);
    expect('sumHeads', z, [-1, -1, -1], 'z[T, H, M]');
    return [{ shape: [axis('sumHeads', z, 0), axis('sumHeads', z, 2)], dtype: 'f32' }];
  },
};
