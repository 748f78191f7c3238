/** See ops/linear.ts. */
import type { Encoder, Located } from '../command.ts';
import { formatOf, packInputs, productScratch, rowBytes, rowsAtOnce, tileOf } from './products.ts';

export const linear: Encoder<{ count: number }> = (to, [x, ...given], outputs, { count }) => {
  const [tokens = 0, inner = 0] = (x as Located).shape;
  const { dtype } = given[0] as Located;
  const input = packInputs(to, (x as Located).address, tokens, inner, dtype);
  to.begin('linear', { after: tokens > 1, scratchBytes: productScratch(tokens, inner, dtype) });
  to.u32(input, tokens, inner, formatOf(dtype), tileOf(to), count);
  outputs.forEach((y, i) => {
    const w = given[i] as Located;
    const [rows = 0] = w.shape;
    to.u32(
      y.address,
      w.address,
      given[count + i]?.address ?? 0,
      rows,
      rowsAtOnce(rows, rowBytes(inner, dtype), to.parts),
    );
  });
};
