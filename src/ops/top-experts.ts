/**
 * Dropless top-k routing of a mixture of experts (Granite 3.0 report eq. 1-3; transformers models/granitemoe): the A largest logits of each
 * row, largest first, the lower index first on ties; gates are the softmax over those A. logits[T, X] -> ids[T, A] i32, gates[T, A].
 */

import { ShapeError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { expertGatesBackward } from './backward/expert-gates-backward.ts';
import { axis, expect, input } from './check.ts';
import type { Op } from './op.ts';

export const topExperts: Op<{ count: number }> = {
  name: 'topExperts',
  outputs(inputs, { count }) {
    const logits = input('topExperts', inputs, 0);
    expect('topExperts', logits, [-1, -1], 'logits[T, X]');
    const [t = 0, x = 0] = logits.shape;
    if (count < 1 || count > x) throw new ShapeError('topExperts', `cannot choose ${count} of ${x} experts`);
    return [{ shape: [t, count], dtype: 'i32' }, { shape: [t, count] }];
  },
  gradient({ apply, inputs: [logits], outputs: [ids, gates], gradients: [, dgates], give }) {
    if (!dgates) return;
    const experts = axis('topExperts', logits as Tensor, 1);
    give(0, apply(expertGatesBackward, [ids as Tensor, gates as Tensor, dgates], { experts })[0] as Tensor);
  },
};
