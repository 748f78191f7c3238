/**
 * How weights of the formats of blocks (src/formats/blocks.ts) lie in memory here, and what every loop over them needs. Four columns of a row fill a
 * 32-bit lane and sixteen rows four vectors, so that one load that repeats four activations in all lanes meets the weights of sixteen rows. The
 * zero of the codes enters as the start value of a sum: sum x (code - zero) = sum x code - zero sum x. Sums of a block are exact integers: every
 * way to add them up gives the same bits.
 *
 * DOT is set when the kernels are compiled: 0 plain SIMD (block-rows-plain.ts); 1 and 2 relaxed SIMD (block-token.ts, block-tiles.ts), with products in 16 or in
 * 32 bits: the former is one instruction on x86 without VNNI, the latter with it and on ARM. A format is a type parameter: u8 for q8, i8 for q4.
 *
 * Rows are taken in pairs of vectors that are read side by side, go through the same instructions and are stored side by side, and no function is
 * called with their sums: then V8 can make one instruction of 256 bits of each two (../engine-node.ts).
 */
import { heldInts } from './lanes';

/** Columns with a common scale. */
export const BLOCK: usize = 32;

/** Rows whose weights lie side by side. */
export const PANEL: u32 = 16;

/** Bytes of a panel's scales for a block, and of its codes for four columns (q4: eight). */
export const SCALES: usize = 2 * PANEL;
export const COLUMNS: usize = 4 * PANEL;

/** Bytes of a panel's block. */
export const WIDE_BYTES: usize = SCALES + 8 * COLUMNS;
export const NARROW_BYTES: usize = SCALES + 4 * COLUMNS;

// @ts-ignore: decorator
@inline
export function blocksOf(count: usize): usize {
  return (count + BLOCK - 1) / BLOCK;
}

/** Bytes of an activation's code. */
// @ts-ignore: decorator
@inline
export function codeBytes(): usize {
  return DOT == 0 ? 2 : 1;
}

// @ts-ignore: decorator
@inline
export function blockBytes<T>(): usize {
  return isSigned<T>() ? NARROW_BYTES : WIDE_BYTES;
}

/** Scales of the first four rows of eight. */
// @ts-ignore: decorator
@inline
export function lowScales(scales: v128): v128 {
  return i32x4.shl(i32x4.extend_low_i16x8_u(scales), 16);
}

/** Scales of the last four rows of eight. */
// @ts-ignore: decorator
@inline
export function highScales(scales: v128): v128 {
  return i32x4.shl(i32x4.extend_high_i16x8_u(scales), 16);
}

/** Of packed q4 the codes of the first four of eight columns. `fifteens` has 15 in every byte. */
// @ts-ignore: decorator
@inline
export function lowHalves(w: v128, fifteens: v128): v128 {
  return v128.and(w, fifteens);
}

/** Of packed q4 the codes of the last four of eight columns. */
// @ts-ignore: decorator
@inline
export function highHalves(w: v128, fifteens: v128): v128 {
  return v128.and(i16x8.shr_u(w, 4), fifteens);
}

/** A panel of q4 as one of q8, with the codes and scales of q4. */
export function unpack(to: usize, w: usize, blocks: usize): void {
  const fifteens = heldInts(0x0f0f, blocks);
  for (let n: usize = 0; n < blocks; n++) {
    v128.store(to, v128.load(w));
    v128.store(to, v128.load(w, 16), 16);
    for (let i: usize = 0; i < 4 * COLUMNS; i += COLUMNS) {
      for (let row: usize = 0; row < COLUMNS; row += 32) {
        const p = v128.load(w + i + row, SCALES);
        const q = v128.load(w + i + row, SCALES + 16);
        const first = to + 2 * i + row;
        v128.store(first, lowHalves(p, fifteens), SCALES);
        v128.store(first, lowHalves(q, fifteens), SCALES + 16);
        v128.store(first, highHalves(p, fifteens), SCALES + COLUMNS);
        v128.store(first, highHalves(q, fifteens), SCALES + COLUMNS + 16);
      }
    }
    to += WIDE_BYTES;
    w += NARROW_BYTES;
  }
}

/** Writes the outputs of up to a panel of rows, which lie at `from`, with their bias. */
export function finishRows(y: usize, from: usize, rows: u32, bias: usize): void {
  const bytes = <usize>min(rows, PANEL) << 2;
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const x = v128.load(from + i);
    v128.store(y + i, bias ? f32x4.add(x, v128.load(bias + i)) : x);
  }
  for (; i < bytes; i += 4) store<f32>(y + i, bias ? load<f32>(from + i) + load<f32>(bias + i) : load<f32>(from + i));
}
