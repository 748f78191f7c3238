/**
 * Attention over pages of keys and values: see ../../../ops/attention.ts. A command serves sequences of equally many tokens. A piece of work is a
 * sequence, a key head, and a tile of tokens, with all query heads that share the key head: each row of a tile is one query. Where tokens
 * are few, a piece has several key heads, and reads the keys of all before it goes on to later tokens: memory is read in its order. Scores
 * of the tile over all keys stay in scratch memory, so that the softmax knows the largest score before it starts. A running maximum would
 * need less memory and be no faster (there are 32 or more products per score), but its rescaling could not give the bits of the two steps
 * `attentionPattern` and `attendPattern`.
 *
 * A query's numbers do not depend on the others, nor on where the pages lie: a score is a dot product by itself, probabilities are summed up
 * in lanes by the position of their key modulo 4, and values are added up key by key.
 *
 * Keys and values of other formats than f32 are widened when they are copied to scratch memory, once for all rows of a tile. Scales of i8 rows
 * are factors of scores and of probabilities.
 *
 * Words: out, q, k, v, T (tokens of each sequence), H, K, S (keys at most), D, Dv, tokens and key heads of a piece, formats of k and v, scale,
 * 0 or the address of the numbers of keys, tables, P (pages in a table), sequences, 0 or the address of gains, C (keys with gains). Scratch memory: see ../encode/attention-tiles.ts.
 */
import { bytesOf, copyPadded, F32, scoreRows, softmax, weighRows } from './attention-rows';
import { address, real, word } from './command';

/** Keys that are read before the next head's, a multiple of 4 that divides a page. */
const ROUND: u32 = 16;

/** Rows of a page: PAGE_ROWS in ../../../pages.ts. */
const PAGE: u32 = 64;

/** Keys of a sequence. */
// @ts-ignore: decorator
@inline
export function keysOf(args: usize, sequence: u32): u32 {
  const at = address(args, 15);
  return at ? load<u32>(at + (sequence << 2)) : word(args, 7);
}

/** How many rows further the page of key `s` lies in the pool than if the sequence began there; may wrap around. */
// @ts-ignore: decorator
@inline
export function shiftOf(args: usize, sequence: u32, s: u32): usize {
  const page = s / PAGE;
  return (<usize>load<u32>(address(args, 16) + ((sequence * word(args, 17) + page) << 2)) - page) * PAGE;
}

// Where things lie in scratch memory, in this order; all sizes are multiples of 16.

// @ts-ignore: decorator
@inline
export function rowBytesOf(keys: u32): usize {
  return <usize>(((keys + 15) >> 4) | 1) << 6; // odd, so that the rows of a column spread over a cache
}

// @ts-ignore: decorator
@inline
export function zBytesOf(dv: usize): usize {
  return ((dv + 15) & ~15) << 2;
}

/** Of rows [T, H, count] those of a tile and a key head, padded. */
export function takeRows(to: usize, from: usize, args: usize, first: u32, tokens: u32, keyHead: u32, count: usize, padded: usize): void {
  const heads = word(args, 5);
  const group = heads / word(args, 6);
  for (let t = first; t < first + tokens; t++) {
    for (let g: u32 = 0; g < group; g++, to += padded << 2) {
      copyPadded(to, from + (t * heads + keyHead * group + g) * (count << 2), count, padded, F32);
    }
  }
}

/**
 * Probabilities of the rows of `many` key heads in `p`, head by head; returns the number of keys that the first token sees.
 */
export function probabilities(
  args: usize,
  p: usize,
  spare: usize,
  sequence: u32,
  first: u32,
  tokens: u32,
  keyHead: u32,
  many: u32,
): u32 {
  const keyHeads = word(args, 6);
  const group = word(args, 5) / keyHeads;
  const d: usize = word(args, 8);
  const bytes = ((d + 3) & ~3) << 2;
  const rows = tokens * group;
  const keys = keysOf(args, sequence);
  const rowBytes = rowBytesOf(keys);
  const seen = keys - (word(args, 4) - 1 - first);
  const end = seen + tokens - 1;
  const q = spare + 4 * bytes;
  const given = address(args, 1) + <usize>(sequence * word(args, 4) * word(args, 5)) * (d << 2);
  for (let h: u32 = 0; h < many; h++) {
    takeRows(q + h * rows * bytes, given, args, first, tokens, keyHead + h, d, bytes >> 2);
  }
  const format = word(args, 12);
  const stride = keyHeads * bytesOf(d, format);
  const scale = real(args, 14);
  const round = many == 1 ? PAGE : ROUND;
  for (let s: u32 = 0; s < end; s += round) {
    const page = address(args, 2) + shiftOf(args, sequence, s) * stride;
    for (let h: u32 = 0; h < many; h++) {
      const k = page + (keyHead + h) * bytesOf(d, format);
      const to = p + h * rows * rowBytes;
      const queries = q + h * rows * bytes;
      scoreRows(to, rowBytes, rows, group, seen, queries, bytes, k, stride, d, spare, scale, format, s, min(s + round, end));
    }
  }
  for (let r: u32 = 0; r < many * rows; r++) softmax(p + r * rowBytes, seen + (r % rows) / group);
  return seen;
}

/** Multiplies the probabilities of the rows of `many` key heads, of as many keys as the last row sees, by their gains. `column` holds as many numbers. */
export function applyGains(
  args: usize,
  p: usize,
  column: usize,
  sequence: u32,
  rows: u32,
  keyHead: u32,
  many: u32,
  keys: u32,
): void {
  const heads: usize = word(args, 5);
  const group: u32 = <u32>heads / word(args, 6);
  const count: usize = min(keys, word(args, 20));
  const pBytes = rowBytesOf(keysOf(args, sequence));
  const gains = address(args, 19) + ((sequence * word(args, 20) * heads) << 2);
  const end = (count + 3) & ~3;
  for (let h: u32 = 0; h < many * group; h++) {
    let from = gains + ((keyHead * group + h) << 2);
    for (let s: usize = 0; s < count; s++, from += heads << 2) store<f32>(column + (s << 2), load<f32>(from));
    for (let s = count; s < end; s++) store<f32>(column + (s << 2), 1);
    for (let r = (h / group) * rows + (h % group); r < (h / group + 1) * rows; r += group) {
      const row = p + r * pBytes;
      for (let i: usize = 0; i < end << 2; i += 16) v128.store(row + i, f32x4.mul(v128.load(row + i), v128.load(column + i)));
    }
  }
}

/** z of the rows of `many` key heads, from `p`. Row r of each sees the first seen[r] keys. */
export function weighTile(
  args: usize,
  p: usize,
  seen: usize,
  z: usize,
  spare: usize,
  sequence: u32,
  first: u32,
  tokens: u32,
  keyHead: u32,
  many: u32,
): void {
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const group = heads / keyHeads;
  const dv: usize = word(args, 9);
  const rows = tokens * group;
  const zBytes = zBytesOf(dv);
  const format = word(args, 13);
  const stride = keyHeads * bytesOf(dv, format);
  const pBytes = rowBytesOf(keysOf(args, sequence));
  const scales = p + word(args, 10) * word(args, 11) * group * pBytes;
  memory.fill(z, 0, many * rows * zBytes);
  let end: u32 = 0;
  for (let r: u32 = 0; r < rows; r++) end = max(end, load<u32>(seen + (r << 2)));
  const round = many == 1 ? PAGE : ROUND;
  for (let s: u32 = 0; s < end; s += round) {
    const page = address(args, 3) + shiftOf(args, sequence, s) * stride;
    for (let h: u32 = 0; h < many; h++) {
      const v = page + (keyHead + h) * bytesOf(dv, format);
      const from = p + h * rows * pBytes;
      const to = z + h * rows * zBytes;
      weighRows(to, zBytes, from, pBytes, seen, rows, v, stride, dv, spare, scales, format, s, min(s + round, end));
    }
  }
  for (let r: u32 = 0; r < many * rows; r++) {
    const head = (keyHead + r / rows) * group + (r % group);
    const token = sequence * word(args, 4) + first + (r % rows) / group;
    const out = address(args, 0) + (token * heads + head) * (dv << 2);
    memory.copy(out, z + r * zBytes, dv << 2);
  }
}

/** Pieces that share a tile of tokens. */
// @ts-ignore: decorator
@inline
export function headPieces(args: usize): u32 {
  return (word(args, 6) + word(args, 11) - 1) / word(args, 11);
}

// @ts-ignore: decorator
@inline
export function tiles(args: usize): u32 {
  return (word(args, 4) + word(args, 10) - 1) / word(args, 10);
}

/** First token of a tile. The largest tiles come first: with the causal mask these are the last ones. */
// @ts-ignore: decorator
@inline
export function firstToken(args: usize, tile: u32): u32 {
  return (tiles(args) - 1 - tile) * word(args, 10);
}
