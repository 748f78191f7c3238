/** Commands of attention. */
import { i8Rows } from '../../formats/i8-rows.ts';
import type { ElementType } from '../../tensor.ts';
import type { CommandWriter, Encoder, Located } from './command.ts';

interface AttentionShape {
  readonly tokens: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  readonly formats: readonly number[];
}

/** Codes of assembly/attention-rows.ts. */
const FORMATS: readonly ElementType[] = ['f32', 'f16', i8Rows];

const formatsOf = (...tensors: Located[]) => tensors.map(({ dtype }) => FORMATS.indexOf(dtype));

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

/** A command on tiles of tokens, each with all heads that share a key head. The sizes in scratch memory are those of assembly/attention.ts. */
function tiled(
  to: CommandWriter,
  kernel: string,
  addresses: readonly number[],
  shape: AttentionShape,
  scale: number,
  length = 0,
) {
  const { tokens, heads, keyHeads, keys, width, valueWidth, formats } = shape;
  if (tokens === 0) return;
  const group = heads / keyHeads;
  const rowFloats = 16 * (Math.ceil(keys / 16) | 1);
  const queryFloats = up(width, 4);
  const most = Math.min(MAX_ROWS, QUERY_FLOATS / Math.max(1, queryFloats), SCORE_FLOATS / rowFloats);
  const tile = Math.min(tokens, Math.max(1, Math.floor(most / group)));
  const few = kernel === 'attention' ? Math.floor(FEW_ROWS / (tokens * group)) : 1;
  const tileHeads = Math.max(1, Math.min(few, Math.floor(keyHeads / to.parts)));
  const rows = tile * tileHeads * group;
  const spareForKeys = (4 + rows) * queryFloats;
  const spareForValues = Math.min(BLOCK, keys) * Math.min(CHUNK, up(valueWidth, 16));
  const floats =
    up(rows, 4) + (rows + 1) * rowFloats + rows * up(valueWidth, 16) + Math.max(spareForKeys, spareForValues);
  to.begin(kernel, { scratchBytes: 4 * floats });
  to.u32(...addresses, tokens, heads, keyHeads, keys, width, valueWidth, tile, tileHeads, ...formats);
  to.f32(scale);
  to.u32(length);
}

export const attention: Encoder<{ scale: number; starts: readonly number[] }> = (
  to,
  [q, ...past],
  [y],
  { scale, starts },
) => {
  const [, heads = 0, width = 0] = (q as Located).shape;
  for (let i = 0; i + 1 < starts.length; i++) {
    const [k, v] = [past[2 * i] as Located, past[2 * i + 1] as Located];
    const [keys = 0, keyHeads = 0, valueWidth = 0] = v.shape;
    const first = starts[i] as number;
    const tokens = (starts[i + 1] as number) - first;
    const out = (y as Located).address + 4 * first * heads * valueWidth;
    const queries = (q as Located).address + 4 * first * heads * width;
    const shape = { tokens, heads, keyHeads, keys, width, valueWidth, formats: formatsOf(k, v) };
    const length = past[2 * (starts.length - 1) + i]?.address;
    tiled(to, 'attention', [out, queries, k.address, v.address], shape, scale, length);
  }
};

export const attentionPattern: Encoder<{ scale: number }> = (to, [q, k], [y], { scale }) => {
  const [tokens = 0, heads = 0, width = 0] = (q as Located).shape;
  const [keys = 0, keyHeads = 0] = (k as Located).shape;
  const addresses = [(y as Located).address, (q as Located).address, (k as Located).address, 0];
  const formats = formatsOf(k as Located, k as Located);
  tiled(to, 'attentionPattern', addresses, { tokens, heads, keyHeads, keys, width, valueWidth: 0, formats }, scale);
};

export const attendPattern: Encoder<undefined> = (to, [pattern, v], [y]) => {
  const [heads = 0, tokens = 0, keys = 0] = (pattern as Located).shape;
  const [, keyHeads = 0, valueWidth = 0] = (v as Located).shape;
  const addresses = [(y as Located).address, (pattern as Located).address, 0, (v as Located).address];
  const formats = formatsOf(v as Located, v as Located);
  tiled(to, 'attendPattern', addresses, { tokens, heads, keyHeads, keys, width: 0, valueWidth, formats }, 1);
};
