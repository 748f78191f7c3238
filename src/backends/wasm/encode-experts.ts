/** Commands of a mixture of experts. */
import type { Activation } from '../../ops/index.ts';
import { isBlockDType } from '../../tensor.ts';
import type { Encoder, Located } from './command.ts';
import { blockScratch, formatOf, linearScratch, quantizeTokens, rowBytes, rowsAtOnce } from './encode-linear.ts';

export const experts: Encoder<{ activation: Activation }> = (to, [x, ids, gates, wIn, wOut], [y], { activation }) => {
  const [count = 0, width = 0, inner = 0] = (wOut as Located).shape;
  const [tokens = 0, active = 0] = (ids as Located).shape;
  const slots = tokens * active;
  const order = to.temp(4 * slots);
  const starts = to.temp(4 * (count + 1));
  const both = to.temp(8 * slots * inner);
  const hidden = to.temp(4 * slots * inner);
  const fed = to.temp(4 * slots * width);
  const { dtype } = wIn as Located;
  const blocks = isBlockDType(dtype);
  const read = (from: number, count: number, columns: number) =>
    blocks ? quantizeTokens(to, from, count, columns, dtype) : from;
  const byExpert = (out: number, input: number, w: Located, rows: number, columns: number, divisor: number): void => {
    const scratchBytes = blocks ? blockScratch(tokens, columns) : linearScratch(tokens, columns);
    to.begin(blocks ? 'blocksByExpert' : 'linearByExpert', { after: true, scratchBytes });
    to.u32(out, input, order, starts, w.address, count, rows, columns, formatOf(dtype));
    to.u32(rowsAtOnce(rows, rowBytes(columns, dtype), to.parts), divisor, tokens);
  };
  to.begin('groupByExpert');
  to.u32(order, starts, (ids as Located).address, slots, count);
  byExpert(both, read((x as Located).address, tokens, width), wIn as Located, 2 * inner, width, active);
  to.begin('gateHalves', { after: true });
  to.u32(hidden, both, slots, inner, activation === 'relu2' ? 1 : 0);
  byExpert(fed, read(hidden, slots, inner), wOut as Located, width, inner, 1);
  to.begin('sumSlots', { after: true });
  to.u32((y as Located).address, fed, (gates as Located).address, tokens, active, width);
};
