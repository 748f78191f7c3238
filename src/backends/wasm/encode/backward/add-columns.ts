/** See ops/backward/add-columns.ts. */
import type { Encoder, Located } from '../../command.ts';

export const addColumns: Encoder<undefined> = (to, [target, x]) => {
  to.begin('addColumns');
  to.u32((target as Located).address, (x as Located).address, ...(x as Located).shape);
};
