/** See ops/expert-linear.ts. */
import { size } from '../../../base/tensor.ts';
import type { ExpertRows } from '../../../ops/expert-linear.ts';
import type { Encoder, Located } from '../command.ts';
import { formatOf, packInputs, productScratch, rowBytes, rowsAtOnce, tileOf } from './products.ts';

export const expertLinear: Encoder<ExpertRows> = (to, inputs, [y], { from, to: end }) => {
  const [x, ids, w] = inputs as [Located, Located, Located];
  const [count = 0, all = 0, width = 0] = w.shape;
  const [tokens = 0, active = 0] = ids.shape;
  const slots = size(ids.shape);
  const rows = end - from;
  const { dtype } = w;
  const order = to.temp(4 * slots);
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  to.begin('groupByExpert');
  to.u32(order, groups, ids.address, slots, count, to.temp(4 * count));
  const read = packInputs(to, x.address, tokens, width, dtype);
  to.begin('linearByExpert', { after: true, scratchBytes: productScratch(tokens, width, dtype) });
  to.u32((y as Located).address, read, order, groups, w.address, rows, width, formatOf(dtype));
  to.u32(rowsAtOnce(rows, rowBytes(width, dtype), to.parts), active, tokens, tokens, tileOf(to), all, from);
};
