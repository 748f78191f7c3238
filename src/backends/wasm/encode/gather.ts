/** See ops/gather.ts. */
import type { Encoder, Located } from '../command.ts';
import { move } from './move-rows.ts';

export const gather: Encoder<undefined> = (to, inputs, [y]) => {
  const [x, at] = inputs as [Located, Located];
  move(to, y as Located, x, at.shape[0] as number, { from: at });
};
