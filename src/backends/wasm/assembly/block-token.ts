/** Products of blocks with relaxed SIMD: what all loops share, and the loop for one token (blocks.ts). */
import { BLOCK, blockBytes, COLUMNS, highHalves, highScales, lowHalves, lowScales, PANEL, SCALES } from './blocks';
import { heldInts, madd } from './lanes';

/** Blocks of a turn of a stream. */
const WIDE_TURN: usize = 1;
const NARROW_TURN: usize = 2;

/** Bytes of the sums of a panel. */
export const PANEL_SUMS: usize = 4 * PANEL;

/** Four activations of a token, in all lanes. */
// @ts-ignore: decorator
@inline
export function repeat(codes: usize, offset: usize): v128 {
  return v128.load32_splat(codes + offset);
}

/** Sums of four rows after four more columns. */
// @ts-ignore: decorator
@inline
export function meet<T>(sum: v128, x: v128, w: v128, ones: v128): v128 {
  if (DOT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum);
  const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(x, w);
  // 32 columns of products up to 127 * 15 stay within 16 bits when they are added in pairs; of q8 only one pair does.
  return isSigned<T>() ? i16x8.add(sum, pairs) : i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
}

/** The sums of four rows, as floats. */
// @ts-ignore: decorator
@inline
export function finish<T>(sum: v128, ones: v128): v128 {
  return f32x4.convert_i32x4_s(DOT == 1 && isSigned<T>() ? i32x4.dot_i16x8_s(sum, ones) : sum);
}

/**
 * Adds the products of some blocks to the sums of `count` panels for one token; `scales` are those of its activations. Panels lie `apart` bytes apart.
 * `Packed` says how they lie: as q4 (i8), or in bytes (u8), codes of q8 or those of q4 unpacked.
 */
export function sumToken<T, Packed>(sums: usize, token: usize, scales: usize, w: usize, blocks: usize, count: u32, apart: usize): void {
  const ones = heldInts(1, blocks);
  const fifteens = heldInts(0x0f0f, blocks);
  const turnBlocks = isSigned<Packed>() ? NARROW_TURN : WIDE_TURN;
  const bytes = blockBytes<Packed>();
  for (let left = blocks; left > 0; ) {
    const turn = min(left, turnBlocks);
    let from = w;
    for (let to = sums; to < sums + count * PANEL_SUMS; to += PANEL_SUMS, from += apart) {
      let y0 = v128.load(to);
      let y1 = v128.load(to, 16);
      let y2 = v128.load(to, 32);
      let y3 = v128.load(to, 48);
      let x = token;
      let scale = scales;
      let at = from;
      for (const end = scales + 8 * turn; scale < end; scale += 8) {
        let a = v128.load32_splat(scale, 4);
        let b = a;
        let c = a;
        let d = a;
        let k: v128;
        let p: v128;
        let q: v128;
        let r: v128;
        let s: v128;
        if (isSigned<Packed>()) {
          for (let i: usize = 0; i < 4; i += 2) {
            k = repeat(x, 8 * i);
            p = v128.load(at + COLUMNS * i, SCALES);
            q = v128.load(at + COLUMNS * i, SCALES + 16);
            r = v128.load(at + COLUMNS * i, SCALES + 32);
            s = v128.load(at + COLUMNS * i, SCALES + 48);
            a = meet<T>(a, k, lowHalves(p, fifteens), ones);
            b = meet<T>(b, k, lowHalves(q, fifteens), ones);
            c = meet<T>(c, k, lowHalves(r, fifteens), ones);
            d = meet<T>(d, k, lowHalves(s, fifteens), ones);
            k = repeat(x, 8 * i + 4);
            a = meet<T>(a, k, highHalves(p, fifteens), ones);
            b = meet<T>(b, k, highHalves(q, fifteens), ones);
            c = meet<T>(c, k, highHalves(r, fifteens), ones);
            d = meet<T>(d, k, highHalves(s, fifteens), ones);
            k = repeat(x, 8 * i + 8);
            p = v128.load(at + COLUMNS * i, SCALES + COLUMNS);
            q = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 16);
            r = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 32);
            s = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 48);
            a = meet<T>(a, k, lowHalves(p, fifteens), ones);
            b = meet<T>(b, k, lowHalves(q, fifteens), ones);
            c = meet<T>(c, k, lowHalves(r, fifteens), ones);
            d = meet<T>(d, k, lowHalves(s, fifteens), ones);
            k = repeat(x, 8 * i + 12);
            a = meet<T>(a, k, highHalves(p, fifteens), ones);
            b = meet<T>(b, k, highHalves(q, fifteens), ones);
            c = meet<T>(c, k, highHalves(r, fifteens), ones);
            d = meet<T>(d, k, highHalves(s, fifteens), ones);
          }
        } else {
          for (let i: usize = 0; i < 8; i += 4) {
            k = repeat(x, 4 * i);
            p = v128.load(at + COLUMNS * i, SCALES);
            q = v128.load(at + COLUMNS * i, SCALES + 16);
            r = v128.load(at + COLUMNS * i, SCALES + 32);
            s = v128.load(at + COLUMNS * i, SCALES + 48);
            a = meet<T>(a, k, p, ones);
            b = meet<T>(b, k, q, ones);
            c = meet<T>(c, k, r, ones);
            d = meet<T>(d, k, s, ones);
            k = repeat(x, 4 * i + 4);
            p = v128.load(at + COLUMNS * i, SCALES + COLUMNS);
            q = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 16);
            r = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 32);
            s = v128.load(at + COLUMNS * i, SCALES + COLUMNS + 48);
            a = meet<T>(a, k, p, ones);
            b = meet<T>(b, k, q, ones);
            c = meet<T>(c, k, r, ones);
            d = meet<T>(d, k, s, ones);
            k = repeat(x, 4 * i + 8);
            p = v128.load(at + COLUMNS * i, SCALES + 2 * COLUMNS);
            q = v128.load(at + COLUMNS * i, SCALES + 2 * COLUMNS + 16);
            r = v128.load(at + COLUMNS * i, SCALES + 2 * COLUMNS + 32);
            s = v128.load(at + COLUMNS * i, SCALES + 2 * COLUMNS + 48);
            a = meet<T>(a, k, p, ones);
            b = meet<T>(b, k, q, ones);
            c = meet<T>(c, k, r, ones);
            d = meet<T>(d, k, s, ones);
            k = repeat(x, 4 * i + 12);
            p = v128.load(at + COLUMNS * i, SCALES + 3 * COLUMNS);
            q = v128.load(at + COLUMNS * i, SCALES + 3 * COLUMNS + 16);
            r = v128.load(at + COLUMNS * i, SCALES + 3 * COLUMNS + 32);
            s = v128.load(at + COLUMNS * i, SCALES + 3 * COLUMNS + 48);
            a = meet<T>(a, k, p, ones);
            b = meet<T>(b, k, q, ones);
            c = meet<T>(c, k, r, ones);
            d = meet<T>(d, k, s, ones);
          }
        }
        const ofX = v128.load32_splat(scale);
        const ofLow = v128.load(at);
        const ofHigh = v128.load(at, 16);
        y0 = madd(finish<T>(a, ones), f32x4.mul(lowScales(ofLow), ofX), y0);
        y1 = madd(finish<T>(b, ones), f32x4.mul(highScales(ofLow), ofX), y1);
        y2 = madd(finish<T>(c, ones), f32x4.mul(lowScales(ofHigh), ofX), y2);
        y3 = madd(finish<T>(d, ones), f32x4.mul(highScales(ofHigh), ofX), y3);
        x += BLOCK;
        at += bytes;
      }
      v128.store(to, y0);
      v128.store(to, y1, 16);
      v128.store(to, y2, 32);
      v128.store(to, y3, 48);
    }
    token += turn * BLOCK;
    scales += turn * 8;
    w += turn * bytes;
    left -= turn;
  }
}
