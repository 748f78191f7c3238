/** Commands of attention, in one step and in two: tiles of tokens. */

import type { ElementType } from '../../../base/tensor.ts';
import { i8Rows } from '../../../formats/i8-rows.ts';
import type { CommandWriter, Located } from '../command.ts';

interface AttentionShape {
  /** Of each sequence. */
  readonly tokens: number;
  readonly sequences: number;
  readonly heads: number;
  readonly keyHeads: number;
  /** At most. */
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly formats: readonly number[];
}

/** Where pages and lengths are found. */
interface Tables {
  readonly tables: number;
  readonly pages: number;
  /** 0: all keys count. */
  readonly lengths: number;
  /** [B, C, H]; 0: there are none. */
  readonly gains: number;
  /** C; 0 without gains. */
  readonly capacity: number;
}

/** Gains of the sequences from `first` on. */
export const gainsOf = (gains: Located | undefined, first = 0): Pick<Tables, 'gains' | 'capacity'> => {
  if (!gains) return { gains: 0, capacity: 0 };
  const [, capacity = 0, heads = 0] = gains.shape;
  return { gains: gains.address + 4 * first * capacity * heads, capacity };
};

/** Codes of assembly/attention-rows.ts. */
const FORMATS: readonly ElementType[] = ['f32', 'f16', i8Rows];

export const formatsOf = (...tensors: Located[]) => tensors.map(({ dtype }) => FORMATS.indexOf(dtype));

/** Queries of a tile: many, so that a key or value is loaded for many, but with their scores they should stay in a cache of 1 MiB. */
const MAX_ROWS = 64;
const QUERY_FLOATS = 4096;
const SCORE_FLOATS = 2 ** 17;

/** Queries of a piece of several key heads. */
const FEW_ROWS = 32;

/** Values that lie together in scratch memory: keys, and columns. */
const BLOCK = 64;
const CHUNK = 64;

const up = (x: number, to: number) => Math.ceil(x / to) * to;

/** Length of a row of scores. */
export const rowFloatsOf = (keys: number) => 16 * (Math.ceil(keys / 16) | 1);

/** A command on tiles of tokens, each with all heads that share a key head. The sizes in scratch memory are those of assembly/attention-tiles.ts. */
export function tiled(
  to: CommandWriter,
  kernel: string,
  addresses: readonly number[],
  shape: AttentionShape,
  scale: number,
  { tables, pages, lengths, gains, capacity }: Tables,
) {
  const { tokens, sequences, heads, keyHeads, keys, width, valueWidth, formats } = shape;
  if (tokens === 0) return;
  const group = heads / keyHeads;
  const rowFloats = rowFloatsOf(keys);
  const queryFloats = up(width, 4);
  const most = Math.min(MAX_ROWS, QUERY_FLOATS / Math.max(1, queryFloats), SCORE_FLOATS / rowFloats);
  const tile = Math.min(tokens, Math.max(1, Math.floor(most / group)));
  const few = kernel === 'attention' ? Math.floor(FEW_ROWS / (tokens * group)) : 1;
  const fair = Math.floor((sequences * keyHeads) / to.parts);
  const tileHeads = Math.max(1, Math.min(few, fair, keyHeads));
  const rows = tile * tileHeads * group;
  const spareForKeys = (4 + rows) * queryFloats;
  const spareForValues = Math.min(BLOCK, keys) * Math.min(CHUNK, up(valueWidth, 16));
  const floats =
    up(rows, 4) + (rows + 1) * rowFloats + rows * up(valueWidth, 16) + Math.max(spareForKeys, spareForValues);
  to.begin(kernel, { scratchBytes: 4 * floats });
  to.u32(...addresses, tokens, heads, keyHeads, keys, width, valueWidth, tile, tileHeads, ...formats);
  to.f32(scale);
  to.u32(lengths, tables, pages, sequences, gains, capacity);
}
