/** See ops/backward/add-rows.ts. */
import { size } from '../../../../base/tensor.ts';
import type { Encoder, Located } from '../../command.ts';

export const addRows: Encoder<{ by: number }> = (to, [target, x, at], _, { by }) => {
  const [rows = 0, ...row] = (x as Located).shape;
  to.begin('addRows');
  to.u32((target as Located).address, (x as Located).address, (at as Located).address, rows, size(row));
  to.f32(by);
};
