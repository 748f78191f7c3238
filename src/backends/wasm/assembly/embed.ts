/** Rows of a table. */
import { BLOCK, blockBytes, blocksOf, COLUMNS, PANEL, SCALES } from './blocks';
import { address, real, take, word } from './command';
import { store4, storeEnd } from './lanes';
import { BF16, F32, Q4, Q8, weights4, weightsEnd, widthShift } from './weights';

/** One row times `scale`. */
function scaleRow<T>(to: usize, from: usize, count: usize, scale: v128): void {
  for (const whole = to + ((count & ~3) << 2); to < whole; to += 16, from += 4 * sizeof<T>()) {
    v128.store(to, f32x4.mul(scale, weights4<T>(from)));
  }
  const rest = count & 3;
  if (rest) storeEnd(to, f32x4.mul(scale, weightsEnd<T>(from, rest)), rest);
}

/** Four codes of a row, less `zero`. */
// @ts-ignore: decorator
@inline
function decode(codes: u32, zero: v128): v128 {
  const wide = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(i32x4.replace_lane(zero, 0, codes)));
  return f32x4.convert_i32x4_s(i32x4.sub(wide, zero));
}

/** One row of weights in blocks times `scale`. */
export function blockRow(to: usize, table: usize, row: usize, count: usize, narrow: bool, scale: f32): void {
  const place = row % PANEL;
  const bytes = narrow ? blockBytes<i8>() : blockBytes<u8>();
  let panelBlock = table + (row / PANEL) * blocksOf(count) * bytes;
  const by = f32x4.splat(scale);
  const zero = i32x4.splat(narrow ? 8 : 64);
  for (let first: usize = 0; first < count; first += BLOCK, panelBlock += bytes) {
    const factor = f32x4.splat(reinterpret<f32>(<u32>load<u16>(panelBlock + (place << 1)) << 16));
    const codes = panelBlock + SCALES + (place << 2);
    const end = min(count, first + BLOCK);
    for (let i = first; i < end; i += 4) {
      const k = i - first;
      const four = narrow ? (load<u32>(codes + (k >> 3) * COLUMNS) >> <u32>(k & 4)) & 0x0f0f0f0f : load<u32>(codes + (k >> 2) * COLUMNS);
      store4(to + (i << 2), f32x4.mul(by, f32x4.mul(factor, decode(four, zero))), count - i);
    }
  }
}

/** Words: y, table, ids, T, M, format, scale. */
export function embed(args: usize, part: u32, parts: u32): void {
  const width: usize = word(args, 4);
  const format = word(args, 5);
  const scale = f32x4.splat(real(args, 6));
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const to = address(args, 0) + t * (width << 2);
    const id: usize = load<u32>(address(args, 2) + 4 * t);
    if (format >= Q8) {
      blockRow(to, address(args, 1), id, width, format == Q4, real(args, 6));
      continue;
    }
    const from = address(args, 1) + (id * width << widthShift(format));
    if (format == F32) scaleRow<f32>(to, from, width, scale);
    else if (format == BF16) scaleRow<u16>(to, from, width, scale);
    else scaleRow<i16>(to, from, width, scale);
  }
}
