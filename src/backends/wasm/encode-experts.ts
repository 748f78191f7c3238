/** Commands of a mixture of experts. */
import type { Activation } from '../../ops/index.ts';
import type { Encoder, Located } from './command.ts';
import { formatOf, makeRecords, productScratch, recordBytes, rowBytes, rowsAtOnce, tileOf } from './encode-linear.ts';

export const experts: Encoder<{ activation: Activation }> = (to, [x, ids, gates, wIn, wOut], [y], { activation }) => {
  const [count = 0, width = 0, inner = 0] = (wOut as Located).shape;
  const [tokens = 0, active = 0] = (ids as Located).shape;
  const slots = tokens * active;
  const order = to.temp(4 * slots);
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  const both = to.temp(8 * slots * inner);
  const fed = to.temp(4 * slots * width);
  const { dtype } = wIn as Located;
  /** `slotsPerRecord`: so many slots read the same input. A single record may still be in floats. */
  const byExpert = (
    out: number,
    input: number,
    w: Located,
    [rows, columns]: readonly [number, number],
    slotsPerRecord: number,
    records = 0,
  ): void => {
    to.begin('linearByExpert', { after: true, scratchBytes: productScratch(tokens, columns, dtype) });
    to.u32(out, input, order, groups, w.address, rows, columns, formatOf(dtype));
    to.u32(rowsAtOnce(rows, rowBytes(columns, dtype), to.parts), slotsPerRecord, tokens, records, tileOf(to));
  };
  to.begin('groupByExpert');
  to.u32(order, groups, (ids as Located).address, slots, count, to.temp(4 * count));
  const read = makeRecords(to, (x as Located).address, tokens, width, dtype);
  byExpert(both, read, wIn as Located, [2 * inner, width], active, tokens);
  const hidden = to.temp(slots * recordBytes(inner, dtype));
  to.begin('gateTokens', { after: true, scratchBytes: 4 * inner });
  to.u32(hidden, both, slots, inner, activation === 'relu2' ? 1 : 0, formatOf(dtype));
  byExpert(fed, hidden, wOut as Located, [width, inner], 1);
  to.begin('sumSlots', { after: true });
  to.u32((y as Located).address, fed, (gates as Located).address, tokens, active, width);
};
