/** See ops/backward/accumulate.ts. */
import { size } from '../../../../base/tensor.ts';
import type { Encoder, Located } from '../../command.ts';

/** The kernel of `add`, with one tensor as input and output. */
export const accumulate: Encoder<{ by: number }> = (to, [target, x], _, { by }) => {
  const { address, shape } = target as Located;
  to.begin('add');
  to.u32(address, address, (x as Located).address, size(shape));
  to.f32(by);
};
