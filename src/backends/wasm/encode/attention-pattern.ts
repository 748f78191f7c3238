/** See ops/attention-pattern.ts. */
import type { Encoder, Located } from '../command.ts';
import { formatsOf, gainsOf, tiled } from './attention-tiles.ts';

export const attentionPattern: Encoder<{ scale: number }> = (to, inputs, [y], { scale }) => {
  const [q, k, table] = inputs as [Located, Located, Located];
  const [heads = 0, tokens = 0, keys = 0] = (y as Located).shape;
  const [, keyHeads = 0, width = 0] = k.shape;
  const addresses = [(y as Located).address, q.address, k.address, 0];
  const shape = { tokens, sequences: 1, heads, keyHeads, keys, width, valueWidth: 0, formats: formatsOf(k, k) };
  const at = { tables: table.address, pages: table.shape[1] as number, lengths: 0, ...gainsOf(undefined) };
  tiled(to, 'attentionPattern', addresses, shape, scale, at);
};
