/** See ops/backward/attention-backward.ts. */
import { PAGE_ROWS } from '../../../../base/pages.ts';
import { byteSize } from '../../../../base/tensor.ts';
import type { Encoder, Located } from '../../command.ts';
import { runsOf } from '../../packed.ts';
import { formatsOf, gainsOf, rowFloatsOf } from '../attention-tiles.ts';

/** Queries of a tile: many, so that what is read of a page serves many; with their probabilities they should stay in a second-level cache. */
const MAX_ROWS = 60;
const SCORE_FLOATS = 2 ** 17;

/** Rows are filled up to this: whole tiles (assembly/backward/tiles.ts), and vectors. */
const WHOLE_ROWS = 12;
/** Numbers of a tile. */
const TILE = 6 * 16;

const up = (x: number, to: number) => Math.ceil(x / to) * to;

export const attentionBackward: Encoder<{ scale: number; starts: readonly number[] }> = (
  to,
  inputs,
  [dq, dk, dv],
  { scale, starts },
) => {
  const [q, k, v, tables, lengths, z, dz] = inputs as [Located, Located, Located, Located, Located, Located, Located];
  const [, heads = 0, width = 0] = q.shape;
  const [, keyHeads = 0, valueWidth = 0] = v.shape;
  for (const sum of [dk, dv] as [Located, Located]) {
    to.begin('zeros');
    to.u32(sum.address, byteSize(sum.shape, 'f32'));
  }
  const pages = tables.shape[1] as number;
  const keys = pages * PAGE_ROWS;
  const group = heads / keyHeads;
  const most = Math.min(MAX_ROWS, SCORE_FLOATS / rowFloatsOf(keys));
  for (const [i, { first, count, row, tokens }] of runsOf(starts).entries()) {
    const tile = Math.min(tokens, Math.max(1, Math.floor(most / group)));
    to.begin('attentionBackward', {
      after: i === 0,
      scratchBytes: 4 * scratchFloats(up(tile * group, WHOLE_ROWS), group, keys, up(width, 16), up(valueWidth, 16)),
    });
    const [narrow, wide] = [4 * row * heads * width, 4 * row * heads * valueWidth];
    const { gains, capacity } = gainsOf(inputs[7], first);
    to.u32((dq as Located).address + narrow, q.address + narrow, k.address, v.address);
    to.u32(tokens, heads, keyHeads, keys, width, valueWidth, tile, 1, ...formatsOf(k, v));
    to.f32(scale);
    to.u32(lengths.address + 4 * first, tables.address + 4 * first * pages, pages, count, gains, capacity);
    to.u32(z.address + wide, dz.address + wide, (dk as Located).address, (dv as Located).address, to.vectorBits);
  }
};

/** Means and counts; queries and gradients of z, as rows and turned, gradients of queries; of a page ds, gains p, ds by keys, gains, keys or values; probabilities. */
function scratchFloats(rows: number, group: number, keys: number, width: number, valueWidth: number): number {
  const page = PAGE_ROWS * (3 * rows + group + 2 * Math.max(width, valueWidth));
  return 2 * rows + rows * (3 * width + 2 * valueWidth) + page + TILE + rows * rowFloatsOf(keys);
}
