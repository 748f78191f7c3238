/**
 * Causal attention (arXiv 1706.03762) with grouped heads (arXiv 2305.13245): query head h reads key/value head floor(h K / H).
 *
 * `attention` runs over packed sequences: rows starts[b]..starts[b + 1] of q belong to sequence b, whose lengths[b] keys and values,
 * those of its own rows last, lie in the pages tables[b] of the pools k and v (src/pages.ts). Query n of N sees the keys
 * 0..lengths[b] - N + n. q[T, H, D], k[R, K, D], v[R, K, Dv], tables i32 [B, P], lengths i32 [B] -> z[T, H, Dv]. Softmax in f32. The
 * pools are of any format in src/formats/key-values.ts.
 *
 * `attentionPattern` and `attendPattern` are the same in two steps, for one sequence of S keys, for those who want to see or change the
 * probabilities: q[T, H, D], k[R, K, D], tables i32 [1, P] -> pattern[H, T, S] (zero where not allowed);
 * pattern, v[R, K, Dv], tables -> z[T, H, Dv].
 * `sumHeads` adds the heads up: z[T, H, M] -> by * sum over H, [T, M].
 */
import { ShapeError } from '../errors.ts';
import { KEY_VALUE_DTYPE } from '../formats/key-values.ts';
import { PAGE_ROWS, pagesFor } from '../pages.ts';
import { size, type Tensor } from '../tensor.ts';
import { bytesOfRows } from './bytes.ts';
import { axis, checkStarts, expect, input } from './check.ts';
import type { Op } from './op.ts';

const KEY_VALUE_DTYPES = Object.values(KEY_VALUE_DTYPE);

export interface AttentionAttrs {
  /** Multiplies q k before the softmax. */
  readonly scale: number;
  /** First row of each sequence, and T at the end. */
  readonly starts: readonly number[];
}

/** Bytes of all inputs, of the pools `pools` as many rows as the pages in `tables` have. */
function bytesOfPages(inputs: readonly Tensor[], pools: readonly number[], tables: number): number {
  const rows = PAGE_ROWS * size(inputs[tables]?.shape ?? []);
  return bytesOfRows(inputs, Object.fromEntries(pools.map((i) => [i, rows])));
}

/** Checks that a pool consists of whole pages. */
function checkPool(op: string, pool: Tensor): void {
  const count = axis(op, pool, 0);
  if (count % PAGE_ROWS !== 0)
    throw new ShapeError(op, `a pool came with ${count} rows, wanted a multiple of ${PAGE_ROWS}`);
}

/** Checks that a table of one row has pages for `keys` keys. */
function checkTable(op: string, table: Tensor, keys: number): void {
  expect(op, table, [1, -1], 'table[1, P]', ['i32']);
  if (pagesFor(keys) > axis(op, table, 1))
    throw new ShapeError(op, `${keys} keys do not fit into ${axis(op, table, 1)} pages`);
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
    return [{ shape: [t, h, axis('attention', v, 2)] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1, 2], 3),
};

export const attentionPattern: Op<{ scale: number; keys: number }> = {
  name: 'attentionPattern',
  outputs(inputs, { keys }) {
    const q = input('attentionPattern', inputs, 0);
    const k = input('attentionPattern', inputs, 1);
    expect('attentionPattern', q, [-1, -1, -1], 'q[T, H, D]');
    const [t = 0, h = 0, d = 0] = q.shape;
    expect('attentionPattern', k, [-1, -1, d], 'k[R, K, D]', KEY_VALUE_DTYPES);
    checkPool('attentionPattern', k);
    checkTable('attentionPattern', input('attentionPattern', inputs, 2), keys);
    if (keys < t) throw new ShapeError('attentionPattern', `${t} queries came with ${keys} keys`);
    return [{ shape: [h, t, keys] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1], 2),
};

export const attendPattern: Op<undefined> = {
  name: 'attendPattern',
  outputs(inputs) {
    const pattern = input('attendPattern', inputs, 0);
    const v = input('attendPattern', inputs, 1);
    expect('attendPattern', pattern, [-1, -1, -1], 'pattern[H, T, S]');
    const [h = 0, t = 0, s = 0] = pattern.shape;
    expect('attendPattern', v, [-1, -1, -1], 'v[R, K, Dv]', KEY_VALUE_DTYPES);
    checkPool('attendPattern', v);
    checkTable('attendPattern', input('attendPattern', inputs, 2), s);
    return [{ shape: [t, h, axis('attendPattern', v, 2)] }];
  },
  bytesOfInputs: (inputs) => bytesOfPages(inputs, [1], 2),
};

export const sumHeads: Op<{ by: number }> = {
  name: 'sumHeads',
  outputs(inputs) {
    const z = input('sumHeads', inputs, 0);
    expect('sumHeads', z, [-1, -1, -1], 'z[T, H, M]');
    return [{ shape: [axis('sumHeads', z, 0), axis('sumHeads', z, 2)] }];
  },
};
