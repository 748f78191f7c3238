/** Rows of a table. */
import { BLOCK, blockBytes, blocksOf, COLUMNS, PANEL, SCALES } from './blocks';
import { address, real, take, word } from './command';
import { storeEnd } from './lanes';
import { BF16, F32, Q4, Q8, weights4, weightsEnd, widthShift } from './weights';

/** One row times `scale`. */
function scaleRow<T>(to: usize, from: usize, count: usize, scale: v128): void {
  for (const whole = to + ((count & ~3) << 2); to < whole; to += 16, from += 4 * sizeof<T>()) {
    v128.store(to, f32x4.mul(scale, weights4<T>(from)));
  }
  const rest = count & 3;
  if (rest) storeEnd(to, f32x4.mul(scale, weightsEnd<T>(from, rest)), rest);
}

/** One row of weights in blocks times `scale`. */
function blockRow(to: usize, table: usize, row: usize, count: usize, narrow: bool, scale: f32): void {
  const place = row % PANEL;
  const blocks = blocksOf(count);
  const bytes = narrow ? blockBytes<i8>() : blockBytes<u8>();
  let panelBlock = table + (row / PANEL) * blocks * bytes;
  for (let i: usize = 0; i < count; i++) {
    const k = i % BLOCK;
    if (k == 0 && i > 0) panelBlock += bytes;
    const half = load<u16>(panelBlock + (place << 1));
    const factor = reinterpret<f32>(<u32>half << 16);
    const codes = panelBlock + SCALES + (place << 2) + (k & 3);
    let code: i32;
    if (narrow) {
      const byte = <u32>load<u8>(codes + (k >> 3) * COLUMNS);
      code = <i32>((byte >> <u32>(k & 4)) & 15) - 8;
    } else code = <i32>load<u8>(codes + (k >> 2) * COLUMNS) - 64;
    store<f32>(to + (i << 2), scale * (factor * <f32>code));
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
