/**
 * Weights of all formats as f32 in panels of sixteen columns, as the tiles of products.ts read them: row after row the sixteen numbers. Columns that are missing in the
 * last panel have zeros.
 */
import { BLOCK, blockBytes, blocksOf, COLUMNS, PANEL, SCALES } from '../blocks';
import { BF16, F32, Q4, Q8, weights4, weightsEnd } from '../weights';

/** Format of ternary weights, beside those of weights.ts. */
const TERNARY: u32 = 5;

/** Columns of a panel. */
export const WIDTH: u32 = 16;

/** Bytes of a panel of `rows` rows, and a cache line, so that panels do not meet in the same lines of a cache. */
// @ts-ignore: decorator
@inline
export function panelBytes(rows: u32): usize {
  return (<usize>rows << 6) + 64;
}

/** The first `count` (1 to 16) numbers at `from`, and zeros. */
function packEnd<T>(to: usize, from: usize, count: u32): void {
  let i: u32 = 0;
  for (; i + 4 <= count; i += 4, to += 16, from += 4 * sizeof<T>()) v128.store(to, weights4<T>(from));
  if (i < count) v128.store(to, weightsEnd<T>(from, count - i));
  else if (i < WIDTH) v128.store(to, i32x4.splat(0));
  for (i += 4, to += 16; i < WIDTH; i += 4, to += 16) v128.store(to, i32x4.splat(0));
}

/** Columns of `rows` rows of numbers, `stride` bytes apart. */
function packFloats<T>(to: usize, from: usize, stride: usize, rows: u32, columns: u32): void {
  const apart = panelBytes(rows);
  for (let k: u32 = 0; k < rows; k++, from += stride, to += 64) {
    let at = to;
    let w = from;
    let left = columns;
    for (; left >= WIDTH; left -= WIDTH, at += apart, w += WIDTH * sizeof<T>()) {
      v128.store(at, weights4<T>(w));
      v128.store(at, weights4<T>(w + 4 * sizeof<T>()), 16);
      v128.store(at, weights4<T>(w + 8 * sizeof<T>()), 32);
      v128.store(at, weights4<T>(w + 12 * sizeof<T>()), 48);
    }
    if (left) packEnd<T>(at, w, left);
  }
}

/** Four codes of a row, the lowest byte first, less `zero` and times `scale`. */
// @ts-ignore: decorator
@inline
function decode(codes: u32, zero: v128, scale: v128): v128 {
  const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.replace_lane(i32x4.splat(0), 0, codes)));
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(wide, zero)), scale);
}

/** Columns first..first + columns of rows from..from + rows of a matrix in panels (../blocks.ts); `first` is a multiple of 16. */
function packBlocks(to: usize, w: usize, count: usize, narrow: bool, from: u32, rows: u32, first: u32, columns: u32): void {
  const bytes = narrow ? blockBytes<i8>() : blockBytes<u8>();
  const blocks = blocksOf(count);
  const apart = panelBytes(rows);
  const zero = i32x4.splat(narrow ? 8 : 64);
  const none = i32x4.splat(0);
  for (let k: u32 = 0; k < rows; k++, to += 64) {
    const row: usize = from + k;
    const place = row % PANEL;
    const start = w + (row / PANEL) * blocks * bytes;
    let at = to;
    for (let column = first; column < first + columns; column += WIDTH, at += apart) {
      const block = start + (column / BLOCK) * bytes;
      const scale = f32x4.splat(reinterpret<f32>(<u32>load<u16>(block + (place << 1)) << 16));
      const codes = block + SCALES + (place << 2);
      const half = column & 16; // of the block's 32 columns
      for (let i: u32 = 0; i < WIDTH; i += 4) {
        let value = none;
        if (column + i < first + columns) {
          const c = half + i;
          value = narrow
            ? decode((load<u32>(codes + COLUMNS * (c >> 3)) >> (c & 4)) & 0x0f0f0f0f, zero, scale)
            : decode(load<u32>(codes + COLUMNS * (c >> 2)), zero, scale);
        }
        v128.store(at + (i << 2), value);
      }
      const end = first + columns - column;
      if (end < WIDTH) memory.fill(at + (end << 2), 0, (WIDTH - end) << 2);
    }
  }
}

/** Columns of ternary weights [N, count] (../linear-ternary.ts) times `scale`. */
function packTernary(to: usize, w: usize, count: usize, all: u32, scale: f32, from: u32, rows: u32, first: u32, columns: u32): void {
  const quarter = (all + 3) / 4;
  const apart = panelBytes(rows);
  const by = f32x4.splat(scale);
  const one = i32x4.splat(1);
  const three = i32x4.splat(3);
  for (let k: u32 = 0; k < rows; k++, to += 64) {
    const row = from + k;
    const shift = 2 * (row / quarter);
    let bytes = w + (row % quarter) * count + first;
    let at = to;
    for (let column: u32 = 0; column < columns; column += WIDTH, at += apart, bytes += WIDTH) {
      const left = columns - column;
      if (left < WIDTH) {
        for (let i: u32 = 0; i < WIDTH; i++) {
          const code = i < left ? <i32>((load<u8>(bytes + i) >> <u8>shift) & 3) - 1 : 0;
          store<f32>(at + (i << 2), scale * <f32>code);
        }
        continue;
      }
      const codes = v128.load(bytes);
      const low = i16x8.extend_low_i8x16_u(codes);
      const high = i16x8.extend_high_i8x16_u(codes);
      v128.store(at, ternary4(i32x4.extend_low_i16x8_u(low), shift, three, one, by));
      v128.store(at, ternary4(i32x4.extend_high_i16x8_u(low), shift, three, one, by), 16);
      v128.store(at, ternary4(i32x4.extend_low_i16x8_u(high), shift, three, one, by), 32);
      v128.store(at, ternary4(i32x4.extend_high_i16x8_u(high), shift, three, one, by), 48);
    }
  }
}

// @ts-ignore: decorator
@inline
function ternary4(bytes: v128, shift: u32, three: v128, one: v128, by: v128): v128 {
  return f32x4.mul(by, f32x4.convert_i32x4_s(i32x4.sub(v128.and(i32x4.shr_u(bytes, shift), three), one)));
}

/**
 * Columns first..first + columns of rows from..from + rows of w[all, count], as panels that lie `panelBytes(rows)` apart. `first` is a multiple of 16. `scale` is that of
 * ternary weights.
 */
export function packColumns(to: usize, w: usize, count: usize, all: u32, format: u32, scale: f32, from: u32, rows: u32, first: u32, columns: u32): void {
  if (format == TERNARY) return packTernary(to, w, count, all, scale, from, rows, first, columns);
  if (format >= Q8) return packBlocks(to, w, count, format == Q4, from, rows, first, columns);
  const begin = <usize>from * count + first;
  if (format == F32) packFloats<f32>(to, w + (begin << 2), count << 2, rows, columns);
  else if (format == BF16) packFloats<u16>(to, w + (begin << 1), count << 1, rows, columns);
  else packFloats<i16>(to, w + (begin << 1), count << 1, rows, columns);
}
