/** See ops/attention.ts. */
import { PAGE_ROWS } from '../../../base/pages.ts';
import type { Encoder, Located } from '../command.ts';
import { runsOf } from '../packed.ts';
import { formatsOf, gainsOf, tiled } from './attention-tiles.ts';

export const attention: Encoder<{ scale: number; starts: readonly number[] }> = (
  to,
  inputs,
  [y],
  { scale, starts },
) => {
  const [q, k, v, tables, lengths] = inputs as [Located, Located, Located, Located, Located];
  const [, heads = 0, width = 0] = q.shape;
  const [, keyHeads = 0, valueWidth = 0] = v.shape;
  const pages = tables.shape[1] as number;
  const same = { heads, keyHeads, keys: pages * PAGE_ROWS, width, valueWidth, formats: formatsOf(k, v) };
  for (const { first, count, row, tokens } of runsOf(starts)) {
    const out = (y as Located).address + 4 * row * heads * valueWidth;
    const queries = q.address + 4 * row * heads * width;
    const own = gainsOf(inputs[5], first);
    const at = { tables: tables.address + 4 * first * pages, pages, lengths: lengths.address + 4 * first, ...own };
    const shape = { ...same, tokens, sequences: count };
    tiled(to, 'attention', [out, queries, k.address, v.address], shape, scale, at);
  }
};
