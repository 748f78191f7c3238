/**
 * Writes rows at given row numbers: pool[at[n]] = rows[n], in place. pool[R, ...], rows[N, ...], at i32 [N]. f32 rows are rounded to the
 * pool's KV-cache format. If a number occurs twice in `at`, its rows must be equal.
 */
import { type ElementType, isPacked, type Tensor } from '../base/tensor.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

const sourcesOf = ({ dtype }: Tensor): ElementType[] => (dtype === 'f16' || isPacked(dtype) ? ['f32', dtype] : [dtype]);

export const writeRows: Op<undefined> = {
  name: 'writeRows',
  outputs(inputs) {
    const pool = input('writeRows', inputs, 0);
    const rows = input('writeRows', inputs, 1);
    expect('writeRows', rows, [-1, ...pool.shape.slice(1)], 'rows[N, ...]', sourcesOf(pool));
    expect('writeRows', input('writeRows', inputs, 2), [axis('writeRows', rows, 0)], 'at[N]', ['i32']);
    return [];
  },
  mutates: (inputs) => inputs.slice(0, 1),
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: count(inputs, 2) }),
};
