/** Products of blocks: loops over the columns of panels with relaxed SIMD, and the way through panels in all variants (blocks.ts). */
import { BLOCK, blockBytes, COLUMNS, finishRows, highHalves, highScales, lowHalves, lowScales, PANEL, SCALES, unpack, WIDE_BYTES } from './blocks';
import { plainToken, plainWideTokens2 } from './block-rows-plain';
import { heldInts, madd } from './lanes';
import { STREAMS } from './matrices';

/** Tokens that share loaded weights. */
// @ts-ignore: decorator
@inline
function tileTokens(): u32 {
  return DOT == 0 ? 2 : 3;
}

/** Plain SIMD computes no faster than one stream comes. */
// @ts-ignore: decorator
@inline
function streamCount(): u32 {
  return DOT == 0 ? 1 : STREAMS;
}

/** Blocks of a turn of a stream. */
const WIDE_TURN: usize = 1;
const NARROW_TURN: usize = 2;

/** Bytes of the sums of a panel. */
const PANEL_SUMS: usize = 4 * PANEL;

/** Scratch memory of `blockRowsForTokens`: a panel of q8, and sums. */
// @ts-ignore: decorator
@inline
export function wideScratch(blocks: usize): usize {
  return blocks * WIDE_BYTES + STREAMS * PANEL_SUMS;
}

/** Four activations of a token, in all lanes. */
// @ts-ignore: decorator
@inline
function repeat(codes: usize, offset: usize): v128 {
  return v128.load32_splat(codes + offset);
}

/** Sums of four rows after four more columns. */
// @ts-ignore: decorator
@inline
function meet<T>(sum: v128, x: v128, w: v128, ones: v128): v128 {
  if (DOT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum);
  const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(x, w);
  // 32 columns of products up to 127 * 15 stay within 16 bits when they are added in pairs; of q8 only one pair does.
  return isSigned<T>() ? i16x8.add(sum, pairs) : i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
}

/** The sums of four rows, as floats. */
// @ts-ignore: decorator
@inline
function finish<T>(sum: v128, ones: v128): v128 {
  return f32x4.convert_i32x4_s(DOT == 1 && isSigned<T>() ? i32x4.dot_i16x8_s(sum, ones) : sum);
}

/** Stores the outputs of a panel; `spare` has room for them. */
// @ts-ignore: decorator
@inline
function writeRows(y: usize, a: v128, b: v128, c: v128, d: v128, rows: u32, bias: usize, spare: usize): void {
  const to = rows < PANEL ? spare : y;
  v128.store(to, a);
  v128.store(to, b, 16);
  v128.store(to, c, 32);
  v128.store(to, d, 48);
  if (rows < PANEL || bias) finishRows(y, to, rows, bias);
}

/**
 * Sums of `count` panels for one token, which lie `apart` bytes apart. `Packed` says how they lie: as q4 (i8), or in bytes (u8), codes of q8 or those of
 * q4 unpacked.
 */
function sumToken<T, Packed>(sums: usize, token: usize, w: usize, blocks: usize, count: u32, apart: usize): void {
  const ones = heldInts(1, blocks);
  const fifteens = heldInts(0x0f0f, blocks);
  const turnBlocks = isSigned<Packed>() ? NARROW_TURN : WIDE_TURN;
  const bytes = blockBytes<Packed>();
  memory.fill(sums, 0, count * PANEL_SUMS);
  let scales = token + blocks * BLOCK;
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


/** A panel of codes in bytes and three tokens. */
function wideTokens3<T>(ys: usize, xs: usize, offset: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  const ones = heldInts(1, blocks);
  let x0: usize = load<u32>(xs);
  const to1 = <usize>load<u32>(xs, 4) - x0;
  const to2 = <usize>load<u32>(xs, 8) - x0;
  let scales = x0 + blocks * BLOCK;
  let y00 = f32x4.splat(0);
  let y01 = y00;
  let y02 = y00;
  let y03 = y00;
  let y10 = y00;
  let y11 = y00;
  let y12 = y00;
  let y13 = y00;
  let y20 = y00;
  let y21 = y00;
  let y22 = y00;
  let y23 = y00;
  for (let n: usize = 0; n < blocks; n++) {
    const x1 = x0 + to1;
    const x2 = x0 + to2;
    let a0 = v128.load32_splat(scales, 4);
    let b0 = a0;
    let c0 = a0;
    let d0 = a0;
    let a1 = v128.load32_splat(scales + to1, 4);
    let b1 = a1;
    let c1 = a1;
    let d1 = a1;
    let a2 = v128.load32_splat(scales + to2, 4);
    let b2 = a2;
    let c2 = a2;
    let d2 = a2;
    for (let i: usize = 0; i < 8; i++) {
      const p = v128.load(w + COLUMNS * i, SCALES);
      const q = v128.load(w + COLUMNS * i, SCALES + 16);
      const r = v128.load(w + COLUMNS * i, SCALES + 32);
      const s = v128.load(w + COLUMNS * i, SCALES + 48);
      let k = repeat(x0, 4 * i);
      a0 = meet<T>(a0, k, p, ones);
      b0 = meet<T>(b0, k, q, ones);
      c0 = meet<T>(c0, k, r, ones);
      d0 = meet<T>(d0, k, s, ones);
      k = repeat(x1, 4 * i);
      a1 = meet<T>(a1, k, p, ones);
      b1 = meet<T>(b1, k, q, ones);
      c1 = meet<T>(c1, k, r, ones);
      d1 = meet<T>(d1, k, s, ones);
      k = repeat(x2, 4 * i);
      a2 = meet<T>(a2, k, p, ones);
      b2 = meet<T>(b2, k, q, ones);
      c2 = meet<T>(c2, k, r, ones);
      d2 = meet<T>(d2, k, s, ones);
    }
    const ofLow = v128.load(w);
    const ofHigh = v128.load(w, 16);
    const ofA = lowScales(ofLow);
    const ofB = highScales(ofLow);
    const ofC = lowScales(ofHigh);
    const ofD = highScales(ofHigh);
    let ofX = v128.load32_splat(scales);
    y00 = madd(finish<T>(a0, ones), f32x4.mul(ofA, ofX), y00);
    y01 = madd(finish<T>(b0, ones), f32x4.mul(ofB, ofX), y01);
    y02 = madd(finish<T>(c0, ones), f32x4.mul(ofC, ofX), y02);
    y03 = madd(finish<T>(d0, ones), f32x4.mul(ofD, ofX), y03);
    ofX = v128.load32_splat(scales + to1);
    y10 = madd(finish<T>(a1, ones), f32x4.mul(ofA, ofX), y10);
    y11 = madd(finish<T>(b1, ones), f32x4.mul(ofB, ofX), y11);
    y12 = madd(finish<T>(c1, ones), f32x4.mul(ofC, ofX), y12);
    y13 = madd(finish<T>(d1, ones), f32x4.mul(ofD, ofX), y13);
    ofX = v128.load32_splat(scales + to2);
    y20 = madd(finish<T>(a2, ones), f32x4.mul(ofA, ofX), y20);
    y21 = madd(finish<T>(b2, ones), f32x4.mul(ofB, ofX), y21);
    y22 = madd(finish<T>(c2, ones), f32x4.mul(ofC, ofX), y22);
    y23 = madd(finish<T>(d2, ones), f32x4.mul(ofD, ofX), y23);
    x0 += BLOCK;
    scales += 8;
    w += WIDE_BYTES;
  }
  writeRows(<usize>load<u32>(ys) + offset, y00, y01, y02, y03, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 4) + offset, y10, y11, y12, y13, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 8) + offset, y20, y21, y22, y23, rows, bias, spare);
}

/** Rows for tokens that are fewer than a tile has. */
// @ts-ignore: decorator
@inline
function streams<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, sums: usize): void {
  const all = (rows + PANEL - 1) / PANEL;
  const step = (all + streamCount() - 1) / streamCount();
  const bytes = blocks * blockBytes<T>();
  for (let first: u32 = 0; first < step; first++, w += bytes) {
    const count = (all - first + step - 1) / step;
    for (let t: u32 = 0; t < tokens; t++) {
      const x: usize = load<u32>(xs + 4 * t);
      if (DOT == 0) plainToken<T>(sums, x, w, blocks);
      else sumToken<T, T>(sums, x, w, blocks, count, step * bytes);
      const y: usize = load<u32>(ys + 4 * t);
      for (let i: u32 = 0; i < count; i++) {
        const row = (first + i * step) * PANEL;
        finishRows(y + 4 * row, sums + i * PANEL_SUMS, rows - row, bias ? bias + 4 * row : 0);
      }
    }
  }
}

/** Rows for tokens in tiles: every panel, made bytes once, for all of them. */
// @ts-ignore: decorator
@inline
function tiles<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
  const tile = tileTokens();
  const spare = wide + blocks * WIDE_BYTES;
  for (let row: u32 = 0; row < rows; row += PANEL) {
    const some = rows - row;
    const shift = bias ? bias + 4 * row : 0;
    const offset: usize = 4 * row;
    let bytes = w;
    if (isSigned<T>()) {
      unpack(wide, w, blocks);
      bytes = wide;
    }
    let t: u32 = 0;
    for (; t + tile <= tokens; t += tile) {
      if (DOT == 0) plainWideTokens2(ys + 4 * t, xs + 4 * t, offset, bytes, blocks, some, shift, spare);
      else wideTokens3<T>(ys + 4 * t, xs + 4 * t, offset, bytes, blocks, some, shift, spare);
    }
    for (; t < tokens; t++) {
      const x: usize = load<u32>(xs + 4 * t);
      if (DOT == 0) plainToken<u8>(spare, x, bytes, blocks);
      else sumToken<T, u8>(spare, x, bytes, blocks, 1, 0);
      finishRows(<usize>load<u32>(ys + 4 * t) + offset, spare, some, shift);
    }
    w += blocks * blockBytes<T>();
  }
}

// @ts-ignore: decorator
@inline
function rowsOf<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
  if (tokens < tileTokens()) streams<T>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else tiles<T>(ys, xs, tokens, w, rows, blocks, bias, wide);
}

/**
 * Rows of weights, whole panels but for the last, for tokens whose packed inputs and outputs lie at the addresses xs[t] and ys[t] (of the first of
 * these rows). `wide` is scratch memory as of `wideScratch`.
 */
export function blockRowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  blocks: usize,
  bias: usize,
  narrow: bool,
  wide: usize,
): void {
  if (narrow) rowsOf<i8>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else rowsOf<u8>(ys, xs, tokens, w, rows, blocks, bias, wide);
}
