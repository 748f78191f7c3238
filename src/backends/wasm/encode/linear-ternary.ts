/** See ops/linear-ternary.ts. */
import type { Encoder, Located } from '../command.ts';
import { rowsAtOnce } from './products.ts';

export const linearTernary: Encoder<{ wScale: 'divide' | 'multiply'; count: number }> = (
  to,
  [q, s, ...given],
  outputs,
  { wScale, count },
) => {
  const [tokens = 0, inner = 0] = (q as Located).shape;
  to.begin('linearTernary', { scratchBytes: 4 * tokens + 16 + 320 + 8 * (inner + 16) });
  to.u32((q as Located).address, tokens, inner, (s as Located).address, count, wScale === 'divide' ? 1 : 0);
  outputs.forEach((y, i) => {
    const [w, scale, bias] = [given[i] as Located, given[count + i] as Located, given[2 * count + i]];
    const [rows = 0] = w.shape;
    const packed = Math.ceil(rows / 4);
    to.u32(y.address, w.address, bias?.address ?? 0, packed, rowsAtOnce(packed, inner, to.parts), scale.address, rows);
  });
};
