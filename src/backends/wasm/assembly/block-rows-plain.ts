/**
 * Products of blocks with plain SIMD (blocks.ts), where activations are 16 bits wide and a vector of weights meets them half by half: its sums of rows
 * 0 and 1 are in one vector, those of rows 2 and 3 in another.
 */
import { BLOCK, blockBytes, COLUMNS, finishRows, highHalves, highScales, lowHalves, lowScales, PANEL, SCALES, unpack, WIDE_BYTES } from './blocks';
import { heldInts, madd } from './lanes';

/** Bytes of a block of activations. */
const TOKEN_BLOCK: usize = 2 * BLOCK;

/** Four activations of a token, twice. */
// @ts-ignore: decorator
@inline
function repeat(codes: usize, offset: usize): v128 {
  return v128.load64_splat(codes + 2 * offset);
}

/** Sums of rows 0 and 1 after four more columns. */
// @ts-ignore: decorator
@inline
function meetLow(sum: v128, x: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, i16x8.extend_low_i8x16_u(w)));
}

/** Sums of rows 2 and 3 after four more columns. */
// @ts-ignore: decorator
@inline
function meetHigh(sum: v128, x: v128, w: v128): v128 {
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, i16x8.extend_high_i8x16_u(w)));
}

/** The sums of four rows, as floats. */
// @ts-ignore: decorator
@inline
function finish(low: v128, high: v128, start: v128): v128 {
  const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
  const odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  return f32x4.convert_i32x4_s(i32x4.add(start, i32x4.add(even, odd)));
}

/** Sums of a panel for one token; `Packed` as in block-token.ts. */
export function plainToken<Packed>(sums: usize, token: usize, w: usize, blocks: usize): void {
  const fifteens = heldInts(0x0f0f, blocks);
  let y0 = f32x4.splat(0);
  let y1 = y0;
  let y2 = y0;
  let y3 = y0;
  let x = token;
  let scales = token + blocks * TOKEN_BLOCK;
  for (let n: usize = 0; n < blocks; n++) {
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let e = a;
    let f = a;
    let g = a;
    let h = a;
    if (isSigned<Packed>()) {
      for (let i: usize = 0; i < 4; i++) {
        let k = repeat(x, 8 * i);
        const p = v128.load(w + COLUMNS * i, SCALES);
        const q = v128.load(w + COLUMNS * i, SCALES + 16);
        const r = v128.load(w + COLUMNS * i, SCALES + 32);
        const s = v128.load(w + COLUMNS * i, SCALES + 48);
        a = meetLow(a, k, lowHalves(p, fifteens));
        b = meetHigh(b, k, lowHalves(p, fifteens));
        c = meetLow(c, k, lowHalves(q, fifteens));
        d = meetHigh(d, k, lowHalves(q, fifteens));
        e = meetLow(e, k, lowHalves(r, fifteens));
        f = meetHigh(f, k, lowHalves(r, fifteens));
        g = meetLow(g, k, lowHalves(s, fifteens));
        h = meetHigh(h, k, lowHalves(s, fifteens));
        k = repeat(x, 8 * i + 4);
        a = meetLow(a, k, highHalves(p, fifteens));
        b = meetHigh(b, k, highHalves(p, fifteens));
        c = meetLow(c, k, highHalves(q, fifteens));
        d = meetHigh(d, k, highHalves(q, fifteens));
        e = meetLow(e, k, highHalves(r, fifteens));
        f = meetHigh(f, k, highHalves(r, fifteens));
        g = meetLow(g, k, highHalves(s, fifteens));
        h = meetHigh(h, k, highHalves(s, fifteens));
      }
    } else {
      for (let i: usize = 0; i < 8; i++) {
        const k = repeat(x, 4 * i);
        const p = v128.load(w + COLUMNS * i, SCALES);
        const q = v128.load(w + COLUMNS * i, SCALES + 16);
        const r = v128.load(w + COLUMNS * i, SCALES + 32);
        const s = v128.load(w + COLUMNS * i, SCALES + 48);
        a = meetLow(a, k, p);
        b = meetHigh(b, k, p);
        c = meetLow(c, k, q);
        d = meetHigh(d, k, q);
        e = meetLow(e, k, r);
        f = meetHigh(f, k, r);
        g = meetLow(g, k, s);
        h = meetHigh(h, k, s);
      }
    }
    const start = v128.load32_splat(scales, 4);
    const ofX = v128.load32_splat(scales);
    const ofLow = v128.load(w);
    const ofHigh = v128.load(w, 16);
    y0 = madd(finish(a, b, start), f32x4.mul(lowScales(ofLow), ofX), y0);
    y1 = madd(finish(c, d, start), f32x4.mul(highScales(ofLow), ofX), y1);
    y2 = madd(finish(e, f, start), f32x4.mul(lowScales(ofHigh), ofX), y2);
    y3 = madd(finish(g, h, start), f32x4.mul(highScales(ofHigh), ofX), y3);
    x += TOKEN_BLOCK;
    w += blockBytes<Packed>();
    scales += 8;
  }
  v128.store(sums, y0);
  v128.store(sums, y1, 16);
  v128.store(sums, y2, 32);
  v128.store(sums, y3, 48);
}


/** Half a panel, from row `first` on, and two tokens. */
function halfTokens2(
  ys: usize,
  xs: usize,
  offset: usize,
  w: usize,
  blocks: usize,
  first: u32,
  rows: u32,
  bias: usize,
  spare: usize,
): void {
  let x0: usize = load<u32>(xs);
  let x1: usize = load<u32>(xs, 4);
  let scales0 = x0 + blocks * TOKEN_BLOCK;
  let scales1 = x1 + blocks * TOKEN_BLOCK;
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  for (let n: usize = 0; n < blocks; n++) {
    let a = i32x4.splat(0);
    let b = a;
    let c = a;
    let d = a;
    let e = a;
    let f = a;
    let g = a;
    let h = a;
    const codes = w + 4 * first;
    for (let i: usize = 0; i < 8; i++) {
      const p = v128.load(codes + COLUMNS * i, SCALES);
      const q = v128.load(codes + COLUMNS * i, SCALES + 16);
      let k = repeat(x0, 4 * i);
      a = meetLow(a, k, p);
      b = meetHigh(b, k, p);
      c = meetLow(c, k, q);
      d = meetHigh(d, k, q);
      k = repeat(x1, 4 * i);
      e = meetLow(e, k, p);
      f = meetHigh(f, k, p);
      g = meetLow(g, k, q);
      h = meetHigh(h, k, q);
    }
    const ofW = v128.load(w + 2 * first);
    const ofLow = lowScales(ofW);
    const ofHigh = highScales(ofW);
    let start = v128.load32_splat(scales0, 4);
    let ofX = v128.load32_splat(scales0);
    low0 = madd(finish(a, b, start), f32x4.mul(ofLow, ofX), low0);
    high0 = madd(finish(c, d, start), f32x4.mul(ofHigh, ofX), high0);
    start = v128.load32_splat(scales1, 4);
    ofX = v128.load32_splat(scales1);
    low1 = madd(finish(e, f, start), f32x4.mul(ofLow, ofX), low1);
    high1 = madd(finish(g, h, start), f32x4.mul(ofHigh, ofX), high1);
    x0 += TOKEN_BLOCK;
    x1 += TOKEN_BLOCK;
    scales0 += 8;
    scales1 += 8;
    w += WIDE_BYTES;
  }
  v128.store(spare, low0);
  v128.store(spare, high0, 16);
  finishHalf(<usize>load<u32>(ys) + offset, spare, first, rows, bias);
  v128.store(spare, low1);
  v128.store(spare, high1, 16);
  finishHalf(<usize>load<u32>(ys, 4) + offset, spare, first, rows, bias);
}

function finishHalf(y: usize, spare: usize, first: u32, rows: u32, bias: usize): void {
  finishRows(y + 4 * first, spare, min(rows - first, PANEL / 2), bias ? bias + 4 * first : 0);
}

/** A panel of codes in bytes and two tokens, half by half, for which there are registers. */
function plainWideTokens2(ys: usize, xs: usize, offset: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  for (let first: u32 = 0; first < min(rows, PANEL); first += PANEL / 2) halfTokens2(ys, xs, offset, w, blocks, first, rows, bias, spare);
}

/** Rows for tokens by twos: every panel, made bytes once, for all of them. It computes no faster than weights come. */
// @ts-ignore: decorator
@inline
export function plainTiles<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
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
    for (; t + 2 <= tokens; t += 2) plainWideTokens2(ys + 4 * t, xs + 4 * t, offset, bytes, blocks, some, shift, spare);
    if (t < tokens) {
      plainToken<u8>(spare, load<u32>(xs + 4 * t), bytes, blocks);
      finishRows(<usize>load<u32>(ys + 4 * t) + offset, spare, some, shift);
    }
    w += blocks * blockBytes<T>();
  }
}
