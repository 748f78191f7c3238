/** See ops/copy-rows.ts. */
import type { Encoder, Located } from '../command.ts';
import { move } from './move-rows.ts';

export const copyRows: Encoder<undefined> = (to, inputs) => {
  const [pool, from, target] = inputs as [Located, Located, Located];
  move(to, pool, pool, from.shape[0] as number, { to: target, from });
};
