/**
 * Backward of attention over pages of keys and values. A piece of work is a sequence and a key head, with all query heads that share it, so
 * that dk and dv have one thread each and are summed up in a fixed order: tile of queries by tile, from the last to the first. Probabilities of a tile over all keys are
 * computed again in scratch memory, and used page by page.
 *
 * Of a page (with m the sum of dz z of a query): ds = scale p (gain dz v - m); dq += ds k; dk += ds q; dv += gain p dz. These products, q k and dz v are made by the tiles of
 * the other products of the backward pass (tiles.ts): their factors are columns, so that rows of q, dz and ds are also stored turned, and keys and values for q k and dz v.
 */
import { copyPadded, F32, softmax } from '../attention-rows';
import { firstToken, keysOf, rowBytesOf, shiftOf, takeRows, tiles, zBytesOf } from '../attention-tiles';
import { address, real, scratch, take, word } from '../command';
import { dot, load4, store4 } from '../lanes';
import { slopeRows, storeTurned } from './attention-slopes';
import { addTile, TILE } from './tiles';

/** Keys of a page, the length of the rows of ds, and bytes of a row. */
const PAGE: u32 = 64;
const PAGE_BYTES: usize = 4 * PAGE;

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

/** Columns of rows [rows, columns], times `factor`, as rows `toStep` bytes apart. Both numbers are rounded up to multiples of 4. */
function turnRows(to: usize, toStep: usize, from: usize, fromStep: usize, rows: u32, columns: usize, factor: f32): void {
  const by = f32x4.splat(factor);
  for (let r: u32 = 0; r < rows; r += 4, to += 16, from += 4 * fromStep) {
    for (let i: usize = 0; i < columns; i += 4) {
      const at = from + (i << 2);
      const a = f32x4.mul(by, v128.load(at));
      const b = f32x4.mul(by, v128.load(at + fromStep));
      const c = f32x4.mul(by, v128.load(at + 2 * fromStep));
      const d = f32x4.mul(by, v128.load(at + 3 * fromStep));
      storeTurned(to + i * toStep, toStep, a, b, c, d);
    }
  }
}

/** Keys or values of a page, padded to `bytes`, and zeros for those that it lacks up to a multiple of 16; and their columns at `turned`. */
function takePage(to: usize, bytes: usize, turned: usize, from: usize, stride: usize, count: usize, keys: u32): void {
  const padded = (keys + 15) & ~15;
  for (let s: u32 = 0; s < keys; s++) copyPadded(to + s * bytes, from + s * stride, count, bytes >> 2, F32);
  memory.fill(to + keys * bytes, 0, (padded - keys) * bytes);
  if (turned) turnRows(turned, PAGE_BYTES, to, bytes, padded, count, 1);
}

/** c[rows, keys] = products of rows and keys, from the columns of both; of keys from the multiple of 16 on that no row of a tile sees, nothing. */
function scores(c: usize, stride: usize, rows: usize, rowsStep: usize, keys: usize, count: u32, many: u32, group: u32, sees: i32, here: u32, bits: u32): void {
  for (let s: u32 = 0; s < here; s += 16, c += 64, keys += 64) {
    let at = c;
    let factors = rows;
    for (let r: u32 = 0; r < many; r += TILE, at += TILE * stride, factors += 4 * TILE) {
      if (<i32>s < sees + <i32>((r + TILE - 1) / group)) addTile(at, stride, false, factors, rowsStep, keys, PAGE_BYTES, count, bits);
    }
  }
}

/**
 * to[s] += sum over rows r of w[r, s] x[r], for the keys of a page, which lie `stride` bytes apart. Key s is seen by the rows from (s - sees + 1)
 * group on. `spare` holds a tile that ends outside of the page or the columns.
 */
function addByKeys(to: usize, stride: usize, columns: usize, w: usize, keys: u32, sees: i32, group: u32, x: usize, xBytes: usize, rows: u32, spare: usize, bits: u32): void {
  for (let s: u32 = 0; s < keys; s += TILE, to += TILE * stride, w += 4 * TILE) {
    const first: u32 = <i32>s < sees ? 0 : (s - sees + 1) * group;
    if (first >= rows) return;
    const own = w + first * PAGE_BYTES;
    for (let c: usize = 0; c < xBytes; c += 64) {
      const from = x + first * xBytes + c;
      if (s + TILE <= keys && c + 64 <= columns << 2) {
        addTile(to + c, stride, true, own, PAGE_BYTES, from, xBytes, rows - first, bits);
        continue;
      }
      addTile(spare, 64, false, own, PAGE_BYTES, from, xBytes, rows - first, bits);
      for (let i: u32 = 0; i < min(TILE, keys - s); i++) addRow(to + i * stride + c, spare + (i << 6), min<usize>(64, (columns << 2) - c));
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
 * Words: as those of attention-tiles.ts, of which the first is dq, and pieces have one key head; then z, dz, dk, dv, bits of a register. dk and dv begin with zeros. Scratch
 * memory: see ../../encode/backward/attention-backward.ts. Rows are filled up to whole tiles with numbers that nobody uses.
 */
export function attentionBackward(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const group = heads / keyHeads;
  const d: usize = word(args, 8);
  const dv: usize = word(args, 9);
  const scale = real(args, 14);
  const bits = word(args, 25);
  const most = ((word(args, 10) * group + 2 * TILE - 1) / (2 * TILE)) * (2 * TILE);
  const qBytes = zBytesOf(d);
  const zBytes = zBytesOf(dv);
  const keyStride: usize = keyHeads * (d << 2);
  const valueStride: usize = keyHeads * (dv << 2);
  const turnedBytes: usize = most << 2;

  const means = scratch(args, part);
  const counts = means + turnedBytes;
  const q = counts + turnedBytes;
  const qTurned = q + most * qBytes;
  const dz = qTurned + (qBytes >> 2) * turnedBytes;
  const dzTurned = dz + most * zBytes;
  const dq = dzTurned + (zBytes >> 2) * turnedBytes;
  const ds = dq + most * qBytes;
  const weights = ds + most * PAGE_BYTES;
  const dsTurned = weights + most * PAGE_BYTES;
  const gains = dsTurned + PAGE * turnedBytes;
  const rowsOfPage = gains + group * PAGE_BYTES;
  const turnedPage = rowsOfPage + PAGE * max(qBytes, zBytes);
  const spare = turnedPage + (max(qBytes, zBytes) >> 2) * PAGE_BYTES;
  const p = spare + TILE * 64;

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
      turnRows(qTurned, turnedBytes, q, qBytes, rows, d, scale);
      turnRows(dzTurned, turnedBytes, dz, zBytes, rows, dv, 1);
      for (let r: u32 = 0; r < rows; r++) {
        const row = before + (first + r / group) * heads + keyHead * group + (r % group);
        store<f32>(means + (r << 2), dot(dz + r * zBytes, address(args, 21) + row * (dv << 2), dv));
      }
      memory.fill(dq, 0, rows * qBytes);
      for (let s: u32 = 0; s < end; s += PAGE) {
        const here = min(PAGE, end - s);
        const k = address(args, 2) + (shiftOf(args, sequence, s) + s) * keyStride + keyColumn;
        takePage(rowsOfPage, qBytes, turnedPage, k, keyStride, d, here);
        scores(p + (s << 2), pBytes, qTurned, turnedBytes, turnedPage, <u32>d, rows, group, <i32>(seen - s), here, bits);
      }
      for (let r: u32 = 0; r < rows; r++) softmax(p + r * pBytes, seen + r / group);
      for (let s: u32 = 0; s < end; s += PAGE) {
        const here = min(PAGE, end - s);
        const sees = <i32>(seen - s);
        const page = shiftOf(args, sequence, s) + s;
        takePage(rowsOfPage, zBytes, turnedPage, address(args, 3) + page * valueStride + valueColumn, valueStride, dv, here);
        scores(ds, PAGE_BYTES, dzTurned, turnedBytes, turnedPage, <u32>dv, rows, group, sees, here, bits);
        for (let r: u32 = 0; r < most; r++) {
          const own = r < rows ? sees + <i32>(r / group) : 0;
          store<i32>(counts + (r << 2), min(max(own, 0), <i32>here));
        }
        takeGains(gains, args, sequence, keyHead, group, s, here);
        // A token that sees only itself: the slope is zero, see ops/backward/attention-backward.ts.
        if (s == 0 && seen == 1) for (let r: u32 = 0; r < group; r++) store<f32>(means + (r << 2), load<f32>(gains + r * PAGE_BYTES) * load<f32>(ds + r * PAGE_BYTES));
        slopeRows(p + (s << 2), pBytes, ds, dsTurned, weights, turnedBytes, counts, means, gains, rows, group, scale, here);
        takePage(rowsOfPage, qBytes, 0, address(args, 2) + page * keyStride + keyColumn, keyStride, d, here);
        for (let r: u32 = 0; r < rows; r += TILE) {
          const turns = <u32>max(0, min(<i32>here, sees + <i32>((r + TILE - 1) / group)));
          for (let c: usize = 0; c < qBytes; c += 64) {
            addTile(dq + r * qBytes + c, qBytes, true, dsTurned + (r << 2), turnedBytes, rowsOfPage + c, qBytes, turns, bits);
          }
        }
        const dk = address(args, 23) + page * keyStride + keyColumn;
        addByKeys(dk, keyStride, d, ds, here, sees, group, q, qBytes, rows, spare, bits);
        const dValue = address(args, 24) + page * valueStride + valueColumn;
        addByKeys(dValue, valueStride, dv, weights, here, sees, group, dz, zBytes, rows, spare, bits);
      }
      for (let r: u32 = 0; r < rows; r++) {
        const row = before + (first + r / group) * heads + keyHead * group + (r % group);
        copyPadded(address(args, 0) + row * (d << 2), dq + r * qBytes, d, d, F32);
      }
    }
  }
}
