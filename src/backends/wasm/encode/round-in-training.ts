/** See ops/round-in-training.ts. */
import { size } from '../../../base/tensor.ts';
import type { Encoder, Located } from '../command.ts';

/** Parts of the sum of sizes: PARTS in assembly/sum-squares.ts. */
const PARTS = 64;

export const trainTernary: Encoder<{ lambda: number }> = (to, [w], [y], { lambda }) => {
  const { address, shape } = w as Located;
  const sums = to.temp(8 * PARTS);
  to.begin('sumSizes');
  to.u32(sums, address, size(shape));
  to.begin('trainTernary', { after: true });
  to.u32((y as Located).address, address, size(shape), sums);
  to.f32(lambda);
};

export const trainInt8: Encoder<{ lambda: number }> = (to, [x], [y], { lambda }) => {
  const { address, shape } = x as Located;
  const columns = shape.at(-1) ?? 1;
  to.begin('trainInt8');
  to.u32((y as Located).address, address, size(shape) / columns, columns);
  to.f32(lambda);
};
