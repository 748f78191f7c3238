/** Commands of a mixture of experts. */
import type { Activation } from '../../ops/index.ts';
import { isBlockDType } from '../../tensor.ts';
import type { Encoder, Located } from './command.ts';
import {
  blockScratch,
  formatOf,
  linearScratch,
  quantizeTokens,
  rowBytes,
  rowsAtOnce,
  tokenBytes,
} from './encode-linear.ts';

export const experts: Encoder<{ activation: Activation }> = (to, [x, ids, gates, wIn, wOut], [y], { activation }) => {
  const [count = 0, width = 0, inner = 0] = (wOut as Located).shape;
  const [tokens = 0, active = 0] = (ids as Located).shape;
  const slots = tokens * active;
  const order = to.temp(4 * slots);
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  const both = to.temp(8 * slots * inner);
  const fed = to.temp(4 * slots * width);
  const { dtype } = wIn as Located;
  const blocks = isBlockDType(dtype);
  /** `slotsPerRecord`: so many slots read the same input. A single record may still be in floats. */
  const byExpert = (
    out: number,
    input: number,
    w: Located,
    [rows, columns]: readonly [number, number],
    slotsPerRecord: number,
    records = 0,
  ): void => {
    const scratchBytes = blocks ? blockScratch(tokens, columns) : linearScratch(tokens, columns);
    to.begin(blocks ? 'blocksByExpert' : 'linearByExpert', { after: true, scratchBytes });
    to.u32(out, input, order, groups, w.address, rows, columns, formatOf(dtype));
    to.u32(rowsAtOnce(rows, rowBytes(columns, dtype), to.parts), slotsPerRecord, tokens, records);
  };
  to.begin('groupByExpert');
  to.u32(order, groups, (ids as Located).address, slots, count, to.temp(4 * count));
  const x0 = (x as Located).address;
  const read = blocks && tokens > 1 ? quantizeTokens(to, x0, tokens, width, dtype) : x0;
  byExpert(both, read, wIn as Located, [2 * inner, width], active, tokens);
  const hidden = to.temp(blocks ? slots * tokenBytes(inner) : 4 * slots * inner);
  to.begin(blocks ? 'gateTokens' : 'gateHalves', { after: true, scratchBytes: blocks ? 4 * inner : 0 });
  to.u32(hidden, both, slots, inner, activation === 'relu2' ? 1 : 0, ...(blocks ? [formatOf(dtype)] : []));
  byExpert(fed, hidden, wOut as Located, [width, inner], 1);
  to.begin('sumSlots', { after: true });
  to.u32((y as Located).address, fed, (gates as Located).address, tokens, active, width);
};
