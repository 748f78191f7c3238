/**
 * Backward of `selectiveScan` (selective-scan.ts) for sequences whose state begins with zeros. The states are computed again: those at the
 * borders of chunks of tokens first, then those of one chunk after another from the last to the first. With G the gradient of h:
 *   G_t = c_t dy_t + exp(dt_{t+1} a) G_{t+1};  dc_t[n] = sum_e dy_t[e] h_t[e, n];  db_t[n] = sum_e dt_t x_t G_t;
 *   dx_t = d dy_t + dt_t sum_n G_t b_t[n];  ddt_t = sum_n G_t (a exp(dt_t a) h_{t-1} + x_t b_t[n]);
 *   da += sum_t dt_t exp(dt_t a) h_{t-1} G_t;  dd += sum_t dy_t x_t
 * x[T, E], dt[T, E], a[E, N], b[T, N], c[T, N], d[E], dy[T, E], da[E, N], dd[E] -> dx[T, E], ddt[T, E], db[T, N], dc[T, N]; da and dd are
 * added to in place.
 */
import { scanParts } from '../../base/scan-parts.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { PackedAttrs } from '../causal-conv.ts';
import { axis, checkStarts, expect, input } from '../check.ts';
import type { Op } from '../op.ts';

const NAME = 'selectiveScanBackward';

export const selectiveScanBackward: Op<PackedAttrs> = {
  name: NAME,
  outputs(inputs, { starts }) {
    const x = input(NAME, inputs, 0);
    expect(NAME, x, [-1, -1], 'x[T, E]');
    const [t = 0, e = 0] = x.shape;
    checkStarts(NAME, starts, t);
    const a = input(NAME, inputs, 2);
    expect(NAME, a, [e, -1], 'a[E, N]');
    const n = axis(NAME, a, 1);
    expect(NAME, input(NAME, inputs, 1), [t, e], 'dt[T, E]');
    expect(NAME, input(NAME, inputs, 3), [t, n], 'b[T, N]');
    expect(NAME, input(NAME, inputs, 4), [t, n], 'c[T, N]');
    expect(NAME, input(NAME, inputs, 5), [e], 'd[E]');
    expect(NAME, input(NAME, inputs, 6), [t, e], 'dy[T, E]');
    expect(NAME, input(NAME, inputs, 7), [e, n], 'da[E, N]');
    expect(NAME, input(NAME, inputs, 8), [e], 'dd[E]');
    return [{ shape: [t, e] }, { shape: [t, e] }, { shape: [t, n] }, { shape: [t, n] }];
  },
  mutates: (inputs) => inputs.slice(7, 9),
  /** db and dc, once for each part of the channels. */
  workBytes([x, , a]) {
    const [[t = 0, e = 0], [, n = 0]] = [(x as Tensor).shape, (a as Tensor).shape];
    return 2 * 4 * scanParts(e) * t * n;
  },
};
