/**
 * Backward of attention over pages of keys and values. A piece of work is a sequence and a key head, with all query heads that share it, so
 * that dk and dv have one thread each and are summed up in a fixed order: tile of queries by tile, from the last to the first. Probabilities of a tile over all keys are
 * computed again in scratch memory, as in ../attention-tiles.ts, and used page by page.
 *
 * Of a page (with m the sum of dz z of a query): ds = scale p (gain dz v - m); dq += ds k; dk += ds q; dv += gain p dz. The last two need
 * ds and p by keys, so these are transposed.
 */
import { copyPadded, F32, scoreRows, softmax, weigh2, weighRows } from '../attention-rows';
import { firstToken, keysOf, rowBytesOf, shiftOf, takeRows, tiles, zBytesOf } from '../attention-tiles';
import { address, real, scratch, take, word } from '../command';
import { dot, load4, store4 } from '../lanes';
import { slopeRows } from './attention-slopes';

/** Keys of a page, the length of the rows of ds, and bytes of a row. */
const PAGE: u32 = 64;
const PAGE_BYTES: usize = 4 * PAGE;

/** Bytes of the columns that are copied together, to lie close. */
const CHUNK_BYTES: usize = 256;

/** Gains of a page for each head of a group, one row for each. */
function takeGains(to: usize, args: usize, sequence: u32, keyHead: u32, group: u32, s: u32, keys: u32): void {
  const gains = address(args, 19);
  const capacity = gains ? word(args, 20) : 0;
  const heads: usize = word(args, 5);
  for (let g: u32 = 0; g < group; g++, to += PAGE_BYTES) {
    let from = gains + ((((sequence * capacity + s) * <u32>heads) + keyHead * group + g) << 2);
    for (let i: u32 = 0; i < keys; i++, from += heads << 2) store<f32>(to + (i << 2), s + i < capacity ? load<f32>(from) : 1);
    for (let i = keys; i < PAGE; i++) store<f32>(to + (i << 2), 1);
  }
}

/**
 * to[s] += sum over rows r of p[s, r] x[r], for the keys of a page, which lie `stride` bytes apart. Key s is seen by the rows from (s - sees + 1)
 * group on. `spare` holds a chunk of all rows, and two rows of a chunk.
 */
function addByKeys(
  to: usize,
  stride: usize,
  columns: usize,
  p: usize,
  pBytes: usize,
  keys: u32,
  sees: i32,
  group: u32,
  x: usize,
  xBytes: usize,
  rows: u32,
  spare: usize,
): void {
  const sums = spare;
  const packed = spare + 2 * CHUNK_BYTES;
  for (let c: usize = 0; c < xBytes; c += CHUNK_BYTES) {
    const bytes = min(CHUNK_BYTES, xBytes - c);
    let from = x + c;
    let step = xBytes;
    if (xBytes > CHUNK_BYTES) {
      for (let r: usize = 0; r < rows; r++) {
        for (let i: usize = 0; i < bytes; i += 16) v128.store(packed + r * bytes + i, v128.load(from + r * xBytes + i));
      }
      from = packed;
      step = bytes;
    }
    const some = min(bytes, (columns << 2) - c);
    for (let s: u32 = 0; s < keys; s += 2) {
      const first: u32 = <i32>s < sees ? 0 : (s - sees + 1) * group;
      const own = p + s * pBytes + (first << 2);
      for (let i: usize = 0; i < bytes; i += 16) {
        v128.store(sums + i, f32x4.splat(0));
        v128.store(sums + i, f32x4.splat(0), CHUNK_BYTES);
      }
      for (let i: usize = 0; i < bytes; i += 64) {
        weigh2(sums + i, sums + CHUNK_BYTES + i, own, own + pBytes, from + first * step + i, step, rows - first);
      }
      addRow(to + s * stride + c, sums, some);
      if (s + 1 < keys) addRow(to + (s + 1) * stride + c, sums + CHUNK_BYTES, some);
    }
  }
}

function addRow(to: usize, sums: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const count = (bytes - i) >> 2;
    store4(to + i, f32x4.add(load4(to + i, count), v128.load(sums + i)), count);
  }
}

/**
 * Words: as those of attention-tiles.ts, of which the first is dq, and pieces have one key head; then z, dz, dk, dv. dk and dv begin with zeros. Scratch memory: see
 * ../../encode/backward/attention-backward.ts.
 */
export function attentionBackward(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const group = heads / keyHeads;
  const d: usize = word(args, 8);
  const dv: usize = word(args, 9);
  const scale = real(args, 14);
  const most = (word(args, 10) * group + 3) & ~3;
  const qBytes = zBytesOf(d);
  const zBytes = zBytesOf(dv);
  const keyStride: usize = keyHeads * (d << 2);
  const valueStride: usize = keyHeads * (dv << 2);
  const turnedBytes: usize = most << 2;

  const means = scratch(args, part);
  const counts = means + turnedBytes;
  const q = counts + turnedBytes;
  const dz = q + most * qBytes;
  const dq = dz + most * zBytes;
  const ds = dq + most * qBytes;
  const dsTurned = ds + most * PAGE_BYTES;
  const pTurned = dsTurned + PAGE * turnedBytes;
  const gains = pTurned + PAGE * turnedBytes;
  const spare = gains + group * PAGE_BYTES;
  const p = spare + max(4 * max(qBytes, zBytes), max(PAGE, most + 2) * CHUNK_BYTES);

  for (let i = take(args); i < word(args, 18) * keyHeads; i = take(args)) {
    const sequence = i / keyHeads;
    const keyHead = i % keyHeads;
    const keys = keysOf(args, sequence);
    const pBytes = rowBytesOf(keys);
    const before: usize = sequence * tokens * heads; // rows of q and z
    const queries = address(args, 1) + before * (d << 2);
    const given = address(args, 22) + before * (dv << 2);
    const keyColumn = keyHead * (d << 2);
    const valueColumn = keyHead * (dv << 2);
    for (let tile: u32 = 0; tile < tiles(args); tile++) {
      const first = firstToken(args, tile);
      const some = min(word(args, 10), tokens - first);
      const rows = some * group;
      const seen = keys - (tokens - 1 - first);
      const end = seen + some - 1;
      takeRows(q, queries, args, first, some, keyHead, d, qBytes >> 2);
      takeRows(dz, given, args, first, some, keyHead, dv, zBytes >> 2);
      for (let r: u32 = 0; r < rows; r++) {
        const row = before + (first + r / group) * heads + keyHead * group + (r % group);
        store<f32>(means + (r << 2), dot(dz + r * zBytes, address(args, 21) + row * (dv << 2), dv));
      }
      memory.fill(dq, 0, rows * qBytes);
      for (let s: u32 = 0; s < end; s += PAGE) {
        const k = address(args, 2) + shiftOf(args, sequence, s) * keyStride + keyColumn;
        scoreRows(p, pBytes, rows, group, seen, q, qBytes, k, keyStride, d, spare, scale, F32, s, min(s + PAGE, end));
      }
      for (let r: u32 = 0; r < rows; r++) softmax(p + r * pBytes, seen + r / group);
      for (let s: u32 = 0; s < end; s += PAGE) {
        const here = min(PAGE, end - s);
        const page = shiftOf(args, sequence, s) + s;
        const v = address(args, 3) + (page - s) * valueStride + valueColumn;
        scoreRows(ds - (s << 2), PAGE_BYTES, rows, group, seen, dz, zBytes, v, valueStride, dv, spare, 1, F32, s, s + here);
        for (let r: u32 = 0; r < most; r++) {
          const sees = r < rows ? <i32>(seen + r / group - s) : 0;
          store<i32>(counts + (r << 2), min(max(sees, 0), <i32>here));
        }
        takeGains(gains, args, sequence, keyHead, group, s, here);
        slopeRows(p + (s << 2), pBytes, ds, dsTurned, pTurned, turnedBytes, counts, means, gains, rows, group, scale, here);
        const k = address(args, 2) + page * keyStride + keyColumn;
        weighRows(dq, qBytes, ds, PAGE_BYTES, counts, rows, k, keyStride, d, spare, 0, F32, 0, here);
        const sees = <i32>(seen - s);
        const dk = address(args, 23) + page * keyStride + keyColumn;
        addByKeys(dk, keyStride, d, dsTurned, turnedBytes, here, sees, group, q, qBytes, rows, spare);
        const dValue = address(args, 24) + page * valueStride + valueColumn;
        addByKeys(dValue, valueStride, dv, pTurned, turnedBytes, here, sees, group, dz, zBytes, rows, spare);
      }
      for (let r: u32 = 0; r < rows; r++) {
        const row = before + (first + r / group) * heads + keyHead * group + (r % group);
        copyPadded(address(args, 0) + row * (d << 2), dq + r * qBytes, d, d, F32);
      }
    }
  }
}
