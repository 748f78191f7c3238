/** See ops/embed.ts. */
import type { Encoder, Located } from '../command.ts';
import { formatOf } from './products.ts';

export const embed: Encoder<{ scale: number }> = (to, [table, ids], [y], { scale }) => {
  const [tokens = 0, width = 0] = (y as Located).shape;
  to.begin('embed');
  to.u32((y as Located).address, (table as Located).address, (ids as Located).address, tokens, width);
  to.u32(formatOf((table as Located).dtype));
  to.f32(scale);
};
