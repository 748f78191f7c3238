/**
 * Mixture of experts, dropless top-k routing (Granite 3.0 report eq. 1-3; transformers models/granitemoe).
 *
 * `topExperts`: the A largest logits of each row, largest first, the lower index first on ties; gates are the softmax over those A.
 *   logits[T, X] -> ids[T, A] i32, gates[T, A].
 * `experts`: y[t] = sum_j gates[t, j] f(ids[t, j], x[t]) in the order of the slots j, with
 *   f(e, u) = wOut[e] (activation(wIn[e][0..F] u) * (wIn[e][F..2F] u)).
 *   x[T, M], ids[T, A], gates[T, A], wIn[X, 2F, M], wOut[X, M, F] of one weight format -> y[T, M];
 *   formats of blocks round x and what the second product reads as `linear` does.
 */
import { ShapeError } from '../errors.ts';
import { axis, expect, input } from './check.ts';
import type { Activation } from './elementwise.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

export const topExperts: Op<{ count: number }> = {
  name: 'topExperts',
  outputs(inputs, { count }) {
    const logits = input('topExperts', inputs, 0);
    expect('topExperts', logits, [-1, -1], 'logits[T, X]');
    const [t = 0, x = 0] = logits.shape;
    if (count < 1 || count > x) throw new ShapeError('topExperts', `cannot choose ${count} of ${x} experts`);
    return [{ shape: [t, count], dtype: 'i32' }, { shape: [t, count] }];
  },
};

export const experts: Op<{ activation: Activation }> = {
  name: 'experts',
  outputs(inputs) {
    const x = input('experts', inputs, 0);
    expect('experts', x, [-1, -1], 'x[T, M]');
    const [t = 0, m = 0] = x.shape;
    const ids = input('experts', inputs, 1);
    expect('experts', ids, [t, -1], 'ids[T, A]', ['i32']);
    expect('experts', input('experts', inputs, 2), ids.shape, 'gates[T, A]');
    const wIn = input('experts', inputs, 3);
    expect('experts', wIn, [-1, -1, m], 'wIn[X, 2F, M]', WEIGHT_DTYPES);
    const inner = axis('experts', wIn, 1) / 2;
    expect('experts', input('experts', inputs, 4), [axis('experts', wIn, 0), m, inner], 'wOut[X, M, F]', [wIn.dtype]);
    return [{ shape: x.shape }];
  },
};
