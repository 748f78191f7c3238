/** See ops/attend-pattern.ts. */
import type { Encoder, Located } from '../command.ts';
import { formatsOf, gainsOf, tiled } from './attention-tiles.ts';

export const attendPattern: Encoder<undefined> = (to, inputs, [y]) => {
  const [pattern, v, table] = inputs as [Located, Located, Located];
  const [heads = 0, tokens = 0, keys = 0] = pattern.shape;
  const [, keyHeads = 0, valueWidth = 0] = v.shape;
  const addresses = [(y as Located).address, pattern.address, 0, v.address];
  const shape = { tokens, sequences: 1, heads, keyHeads, keys, width: 0, valueWidth, formats: formatsOf(v, v) };
  const at = { tables: table.address, pages: table.shape[1] as number, lengths: 0, ...gainsOf(inputs[3]) };
  tiled(to, 'attendPattern', addresses, shape, 1, at);
};
