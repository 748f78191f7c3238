/** See ops/rope.ts. */
import type { Encoder, Located } from '../command.ts';

export const rope: Encoder<undefined> = (to, [x, cos, sin], [y]) => {
  to.begin('rope');
  to.u32((y as Located).address, (x as Located).address, (cos as Located).address, (sin as Located).address);
  to.u32(...(x as Located).shape);
};
