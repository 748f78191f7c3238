/**
 * Row lookup: y[t] = scale * table[ids[t]]. table[V, M], ids[T] -> y[T, M]. The row `padding` gets no gradient from being looked up, as with
 * the padding_idx of torch.nn.Embedding.
 */

import type { Tensor } from '../base/tensor.ts';
import { addRows } from './backward/add-rows.ts';
import { bytesOfRows, count } from './bytes.ts';
import { axis, expect, input } from './check.ts';
import type { Ops } from './index.ts';
import type { Op } from './op.ts';
import { WEIGHT_DTYPES } from './weights.ts';

export interface EmbedAttrs {
  readonly scale: number;
  readonly padding: number | undefined;
}

export const embed: Op<EmbedAttrs> = {
  name: 'embed',
  outputs(inputs) {
    const table = input('embed', inputs, 0);
    const ids = input('embed', inputs, 1);
    expect('embed', table, [-1, -1], 'table[V, M]', WEIGHT_DTYPES);
    expect('embed', ids, [-1], 'ids[T]', ['i32']);
    return [{ shape: [axis('embed', ids, 0), axis('embed', table, 1)] }];
  },
  bytesOfInputs: (inputs) => bytesOfRows(inputs, { 0: count(inputs, 1) }),
  gradient({ ops, apply, inputs, gradients, attrs: { scale, padding }, sumOf }) {
    const [table, ids] = inputs as [Tensor, Tensor];
    const [dy] = gradients as [Tensor];
    const given = padding === undefined ? dy : withoutPadding(ops, table.shape[0] as number, ids, dy, padding);
    apply(addRows, [sumOf(0), given, ids], { by: scale });
  },
};

/** dy[T, M] with zeros where the id is `padding`, by ops of the forward pass. */
function withoutPadding(ops: Ops, words: number, ids: Tensor, dy: Tensor, padding: number): Tensor {
  const [t = 0, m = 0] = dy.shape;
  const kept = new Float32Array(words).fill(1);
  kept[padding] = 0;
  return ops.sumSlots(ops.reshape(dy, [t, 1, m]), ops.embed(ops.upload(kept, [words, 1]), ids));
}
