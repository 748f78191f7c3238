/**
 * How far the predictions of a row are from those of another model, in nats: the Kullback-Leibler divergence y[n] = sum_v p[v] (ln p[v] - ln q[v])
 * with p = softmax(wanted[n]) and q = softmax(logits[n]). wanted[n, V], logits[n, V] -> y[n]. Sums in double precision. `wanted` is taken as given:
 * it gets no gradient.
 */
import type { Tensor } from '../base/tensor.ts';
import { divergenceBackward } from './backward/divergence-backward.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

export const divergence: Op<undefined> = {
  name: 'divergence',
  outputs(inputs) {
    const wanted = input('divergence', inputs, 0);
    expect('divergence', wanted, [-1, -1], 'wanted[n, V]');
    expect('divergence', input('divergence', inputs, 1), wanted.shape, 'logits[n, V]');
    return [{ shape: wanted.shape.slice(0, 1) }];
  },
  gradient({ apply, inputs: [wanted, logits], gradients: [dy], wants, give }) {
    if (!wants(1)) return;
    give(1, apply(divergenceBackward, [wanted as Tensor, logits as Tensor, dy as Tensor], undefined)[0] as Tensor);
  },
};
