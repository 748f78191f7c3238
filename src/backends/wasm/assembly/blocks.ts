/**
 * Products with the weight formats of blocks (../../../quantised.ts defines them). Four columns of a row fill a 32-bit lane, four rows a vector,
 * so that one load that repeats four activations in all lanes meets the weights of eight rows. The zero of the codes enters as the start
 * value of a sum: sum x (code - zero) = sum x code - zero sum x. Sums of a block are exact integers: every way to add them up gives the same bits.
 *
 * A format is a type parameter: u8 for q8, i8 for q4. DOT is set when the kernels are compiled: 0 plain SIMD; 1 and 2 relaxed SIMD, with products in
 * 16 or in 32 bits: the former is one instruction on x86 without VNNI, the latter with it and on ARM.
 *
 * Rows 0 to 3 and 4 to 7 are read side by side, go through the same instructions and are stored side by side, and no function is called with their
 * sums: then V8 can make one instruction of 256 bits of each two (../engine-node.ts).
 */
import { heldInts, madd } from './lanes';

/** Columns with a common scale. */
export const BLOCK: usize = 32;

export const PANEL: u32 = 8;
const SCALE_BYTES: usize = 16;
const WIDE_BYTES: usize = 16 + 256;
const NARROW_BYTES: usize = 16 + 128;

/** Tokens that share loaded weights. */
// @ts-ignore: decorator
@inline
function tileTokens(): u32 {
  return DOT == 0 ? 2 : 4;
}

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

/** Scratch memory of `blockRowsForTokens`: a panel of q8 and eight floats. */
// @ts-ignore: decorator
@inline
export function wideScratch(blocks: usize): usize {
  return blocks * WIDE_BYTES + 4 * PANEL;
}

/** Four activations of a token, in all lanes. */
// @ts-ignore: decorator
@inline
function repeat(codes: usize, offset: usize): v128 {
  return DOT == 0 ? v128.load64_splat(codes + 2 * offset) : v128.load32_splat(codes + offset);
}

/** Partial sums after four more columns: of all four rows, in plain SIMD of rows 0 and 1. */
// @ts-ignore: decorator
@inline
function meet<T>(sum: v128, x: v128, w: v128, ones: v128): v128 {
  if (DOT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum);
  if (DOT == 1) {
    const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(x, w);
    // 32 columns of products up to 127 * 15 stay within 16 bits when they are added in pairs; of q8 only one pair does.
    return isSigned<T>() ? i16x8.add(sum, pairs) : i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
  }
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, i16x8.extend_low_i8x16_u(w)));
}

/** In plain SIMD those of rows 2 and 3. */
// @ts-ignore: decorator
@inline
function meetHigh(sum: v128, x: v128, w: v128): v128 {
  if (DOT != 0) return sum;
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, i16x8.extend_high_i8x16_u(w)));
}

// @ts-ignore: decorator
@inline
function begin(start: v128): v128 {
  return DOT == 0 ? i32x4.splat(0) : start;
}

/** The sums of four rows, as floats. */
// @ts-ignore: decorator
@inline
function finish<T>(low: v128, high: v128, start: v128): v128 {
  let sum = DOT == 1 && isSigned<T>() ? i32x4.extadd_pairwise_i16x8_s(low) : low;
  if (DOT == 0) {
    const even = v128.shuffle<i32>(low, high, 0, 2, 4, 6);
    const odd = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
    sum = i32x4.add(start, i32x4.add(even, odd));
  }
  return f32x4.convert_i32x4_s(sum);
}

/** Scales of rows 0 to 3. */
// @ts-ignore: decorator
@inline
function lowScales(scales: v128): v128 {
  return i32x4.shl(i32x4.extend_low_i16x8_u(scales), 16);
}

/** Scales of rows 4 to 7. */
// @ts-ignore: decorator
@inline
function highScales(scales: v128): v128 {
  return i32x4.shl(i32x4.extend_high_i16x8_u(scales), 16);
}

/** Stores the rows of a panel. `spare` has room for eight floats. */
// @ts-ignore: decorator
@inline
function writeRows(y: usize, low: v128, high: v128, rows: u32, bias: usize, spare: usize): void {
  const to = rows < PANEL ? spare : y;
  v128.store(to, low);
  v128.store(to, high, 16);
  if (rows < PANEL || bias) finishRows(y, to, rows, bias);
}

function finishRows(y: usize, from: usize, rows: u32, bias: usize): void {
  const bytes = min(rows, PANEL) << 2;
  for (let i: usize = 0; i < bytes; i += 4) store<f32>(y + i, bias ? load<f32>(from + i) + load<f32>(bias + i) : load<f32>(from + i));
}

/** One panel of q8 codes, or of q4 codes unpacked to bytes, and one token. */
function wideToken<T>(y: usize, token: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  const ones = heldInts(1, blocks);
  let low = f32x4.splat(0);
  let high = low;
  let x = token;
  let scales = token + blocks * BLOCK * codeBytes();
  for (let b: usize = 0; b < blocks; b++) {
    const start = v128.load32_splat(scales, 4);
    let a = begin(start);
    let aHigh = i32x4.splat(0);
    let c = begin(start);
    let cHigh = i32x4.splat(0);
    let k: v128;
    let u: v128;
    let v: v128;
    if (DOT == 0) {
      for (let i: usize = 0; i < 8; i++) {
        k = repeat(x, 4 * i);
        u = v128.load(w + 32 * i, 16);
        v = v128.load(w + 32 * i, 32);
        a = meet<T>(a, k, u, ones);
        aHigh = meetHigh(aHigh, k, u);
        c = meet<T>(c, k, v, ones);
        cHigh = meetHigh(cHigh, k, v);
      }
    } else {
      for (let i: usize = 0; i < 8; i += 4) {
        k = repeat(x, 4 * i);
        u = v128.load(w + 32 * i, 16);
        v = v128.load(w + 32 * i, 32);
        a = meet<T>(a, k, u, ones);
        c = meet<T>(c, k, v, ones);
        k = repeat(x, 4 * i + 4);
        u = v128.load(w + 32 * i, 48);
        v = v128.load(w + 32 * i, 64);
        a = meet<T>(a, k, u, ones);
        c = meet<T>(c, k, v, ones);
        k = repeat(x, 4 * i + 8);
        u = v128.load(w + 32 * i, 80);
        v = v128.load(w + 32 * i, 96);
        a = meet<T>(a, k, u, ones);
        c = meet<T>(c, k, v, ones);
        k = repeat(x, 4 * i + 12);
        u = v128.load(w + 32 * i, 112);
        v = v128.load(w + 32 * i, 128);
        a = meet<T>(a, k, u, ones);
        c = meet<T>(c, k, v, ones);
      }
    }
    const ofX = v128.load32_splat(scales);
    const ofW = v128.load(w);
    low = madd(finish<T>(a, aHigh, start), f32x4.mul(lowScales(ofW), ofX), low);
    high = madd(finish<T>(c, cHigh, start), f32x4.mul(highScales(ofW), ofX), high);
    x += BLOCK * codeBytes();
    w += WIDE_BYTES;
    scales += 8;
  }
  writeRows(y, low, high, rows, bias, spare);
}

// @ts-ignore: decorator
@inline
function lowHalves(w: v128, fifteens: v128): v128 {
  return v128.and(w, fifteens);
}

// @ts-ignore: decorator
@inline
function highHalves(w: v128, fifteens: v128): v128 {
  return v128.and(i16x8.shr_u(w, 4), fifteens);
}

/** One panel of packed q4 codes and one token. */
function narrowToken(y: usize, token: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  const fifteens = heldInts(0x0f0f, blocks);
  const ones = heldInts(1, blocks);
  let low = f32x4.splat(0);
  let high = low;
  let x = token;
  let scales = token + blocks * BLOCK * codeBytes();
  for (let b: usize = 0; b < blocks; b++) {
    const start = v128.load32_splat(scales, 4);
    let a = begin(start);
    let aHigh = i32x4.splat(0);
    let c = begin(start);
    let cHigh = i32x4.splat(0);
    let k: v128;
    let p: v128;
    let q: v128;
    let u: v128;
    let v: v128;
    if (DOT == 0) {
      for (let i: usize = 0; i < 4; i++) {
        p = v128.load(w + 32 * i, 16);
        q = v128.load(w + 32 * i, 32);
        k = repeat(x, 8 * i);
        u = lowHalves(p, fifteens);
        v = lowHalves(q, fifteens);
        a = meet<i8>(a, k, u, ones);
        aHigh = meetHigh(aHigh, k, u);
        c = meet<i8>(c, k, v, ones);
        cHigh = meetHigh(cHigh, k, v);
        k = repeat(x, 8 * i + 4);
        u = highHalves(p, fifteens);
        v = highHalves(q, fifteens);
        a = meet<i8>(a, k, u, ones);
        aHigh = meetHigh(aHigh, k, u);
        c = meet<i8>(c, k, v, ones);
        cHigh = meetHigh(cHigh, k, v);
      }
    } else {
      for (let i: usize = 0; i < 4; i += 2) {
        p = v128.load(w + 32 * i, 16);
        q = v128.load(w + 32 * i, 32);
        k = repeat(x, 8 * i);
        a = meet<i8>(a, k, lowHalves(p, fifteens), ones);
        c = meet<i8>(c, k, lowHalves(q, fifteens), ones);
        k = repeat(x, 8 * i + 4);
        a = meet<i8>(a, k, highHalves(p, fifteens), ones);
        c = meet<i8>(c, k, highHalves(q, fifteens), ones);
        p = v128.load(w + 32 * i, 48);
        q = v128.load(w + 32 * i, 64);
        k = repeat(x, 8 * i + 8);
        a = meet<i8>(a, k, lowHalves(p, fifteens), ones);
        c = meet<i8>(c, k, lowHalves(q, fifteens), ones);
        k = repeat(x, 8 * i + 12);
        a = meet<i8>(a, k, highHalves(p, fifteens), ones);
        c = meet<i8>(c, k, highHalves(q, fifteens), ones);
      }
    }
    const ofX = v128.load32_splat(scales);
    const ofW = v128.load(w);
    low = madd(finish<i8>(a, aHigh, start), f32x4.mul(lowScales(ofW), ofX), low);
    high = madd(finish<i8>(c, cHigh, start), f32x4.mul(highScales(ofW), ofX), high);
    x += BLOCK * codeBytes();
    w += NARROW_BYTES;
    scales += 8;
  }
  writeRows(y, low, high, rows, bias, spare);
}

/** A panel of q4 as one of q8, with the codes and scales of q4. */
function unpack(to: usize, w: usize, blocks: usize): void {
  const fifteens = heldInts(0x0f0f, blocks);
  for (let b: usize = 0; b < blocks; b++) {
    v128.store(to, v128.load(w));
    for (let i: usize = 0; i < 4; i++) {
      const p = v128.load(w + 32 * i, 16);
      const q = v128.load(w + 32 * i, 32);
      v128.store(to + 64 * i, lowHalves(p, fifteens), 16);
      v128.store(to + 64 * i, lowHalves(q, fifteens), 32);
      v128.store(to + 64 * i, highHalves(p, fifteens), 48);
      v128.store(to + 64 * i, highHalves(q, fifteens), 64);
    }
    to += WIDE_BYTES;
    w += NARROW_BYTES;
  }
}

/** One panel of codes in bytes and two tokens. */
function wideTokens2<T>(ys: usize, xs: usize, offset: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  const ones = heldInts(1, blocks);
  let x0: usize = load<u32>(xs);
  let x1: usize = load<u32>(xs, 4);
  const toScales = blocks * BLOCK * codeBytes();
  let scales0 = x0 + toScales;
  let scales1 = x1 + toScales;
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  for (let b: usize = 0; b < blocks; b++) {
    const start0 = v128.load32_splat(scales0, 4);
    const start1 = v128.load32_splat(scales1, 4);
    let a0 = begin(start0);
    let c0 = a0;
    let a1 = begin(start1);
    let c1 = a1;
    let a0High = i32x4.splat(0);
    let c0High = a0High;
    let a1High = a0High;
    let c1High = a0High;
    for (let i: usize = 0; i < 8; i++) {
      const u = v128.load(w + 32 * i, 16);
      const v = v128.load(w + 32 * i, 32);
      let k = repeat(x0, 4 * i);
      a0 = meet<T>(a0, k, u, ones);
      a0High = meetHigh(a0High, k, u);
      c0 = meet<T>(c0, k, v, ones);
      c0High = meetHigh(c0High, k, v);
      k = repeat(x1, 4 * i);
      a1 = meet<T>(a1, k, u, ones);
      a1High = meetHigh(a1High, k, u);
      c1 = meet<T>(c1, k, v, ones);
      c1High = meetHigh(c1High, k, v);
    }
    const ofW = v128.load(w);
    const lowW = lowScales(ofW);
    const highW = highScales(ofW);
    const of0 = v128.load32_splat(scales0);
    low0 = madd(finish<T>(a0, a0High, start0), f32x4.mul(lowW, of0), low0);
    high0 = madd(finish<T>(c0, c0High, start0), f32x4.mul(highW, of0), high0);
    const of1 = v128.load32_splat(scales1);
    low1 = madd(finish<T>(a1, a1High, start1), f32x4.mul(lowW, of1), low1);
    high1 = madd(finish<T>(c1, c1High, start1), f32x4.mul(highW, of1), high1);
    x0 += BLOCK * codeBytes();
    x1 += BLOCK * codeBytes();
    scales0 += 8;
    scales1 += 8;
    w += WIDE_BYTES;
  }
  writeRows(<usize>load<u32>(ys) + offset, low0, high0, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 4) + offset, low1, high1, rows, bias, spare);
}

/** One panel of codes in bytes and four tokens. */
function wideTokens4<T>(ys: usize, xs: usize, offset: usize, w: usize, blocks: usize, rows: u32, bias: usize, spare: usize): void {
  const ones = heldInts(1, blocks);
  let x0: usize = load<u32>(xs);
  const d1 = <usize>load<u32>(xs, 4) - x0;
  const d2 = <usize>load<u32>(xs, 8) - x0;
  const d3 = <usize>load<u32>(xs, 12) - x0;
  let scales = x0 + blocks * BLOCK * codeBytes();
  let low0 = f32x4.splat(0);
  let high0 = low0;
  let low1 = low0;
  let high1 = low0;
  let low2 = low0;
  let high2 = low0;
  let low3 = low0;
  let high3 = low0;
  for (let b: usize = 0; b < blocks; b++) {
    const x1 = x0 + d1;
    const x2 = x0 + d2;
    const x3 = x0 + d3;
    let a0 = begin(v128.load32_splat(scales, 4));
    let a1 = begin(v128.load32_splat(scales + d1, 4));
    let a2 = begin(v128.load32_splat(scales + d2, 4));
    let a3 = begin(v128.load32_splat(scales + d3, 4));
    let c0 = a0;
    let c1 = a1;
    let c2 = a2;
    let c3 = a3;
    for (let i: usize = 0; i < 32; i += 8) {
      let u = v128.load(w + 8 * i, 16);
      let v = v128.load(w + 8 * i, 32);
      let k = v128.load32_splat(x0 + i);
      a0 = meet<T>(a0, k, u, ones);
      c0 = meet<T>(c0, k, v, ones);
      k = v128.load32_splat(x1 + i);
      a1 = meet<T>(a1, k, u, ones);
      c1 = meet<T>(c1, k, v, ones);
      k = v128.load32_splat(x2 + i);
      a2 = meet<T>(a2, k, u, ones);
      c2 = meet<T>(c2, k, v, ones);
      k = v128.load32_splat(x3 + i);
      a3 = meet<T>(a3, k, u, ones);
      c3 = meet<T>(c3, k, v, ones);
      u = v128.load(w + 8 * i, 48);
      v = v128.load(w + 8 * i, 64);
      k = v128.load32_splat(x0 + i, 4);
      a0 = meet<T>(a0, k, u, ones);
      c0 = meet<T>(c0, k, v, ones);
      k = v128.load32_splat(x1 + i, 4);
      a1 = meet<T>(a1, k, u, ones);
      c1 = meet<T>(c1, k, v, ones);
      k = v128.load32_splat(x2 + i, 4);
      a2 = meet<T>(a2, k, u, ones);
      c2 = meet<T>(c2, k, v, ones);
      k = v128.load32_splat(x3 + i, 4);
      a3 = meet<T>(a3, k, u, ones);
      c3 = meet<T>(c3, k, v, ones);
    }
    const zero = i32x4.splat(0);
    const ofW = v128.load(w);
    const lowW = lowScales(ofW);
    const highW = highScales(ofW);
    let ofX = v128.load32_splat(scales);
    low0 = madd(finish<T>(a0, zero, zero), f32x4.mul(lowW, ofX), low0);
    high0 = madd(finish<T>(c0, zero, zero), f32x4.mul(highW, ofX), high0);
    ofX = v128.load32_splat(scales + d1);
    low1 = madd(finish<T>(a1, zero, zero), f32x4.mul(lowW, ofX), low1);
    high1 = madd(finish<T>(c1, zero, zero), f32x4.mul(highW, ofX), high1);
    ofX = v128.load32_splat(scales + d2);
    low2 = madd(finish<T>(a2, zero, zero), f32x4.mul(lowW, ofX), low2);
    high2 = madd(finish<T>(c2, zero, zero), f32x4.mul(highW, ofX), high2);
    ofX = v128.load32_splat(scales + d3);
    low3 = madd(finish<T>(a3, zero, zero), f32x4.mul(lowW, ofX), low3);
    high3 = madd(finish<T>(c3, zero, zero), f32x4.mul(highW, ofX), high3);
    x0 += BLOCK;
    scales += 8;
    w += WIDE_BYTES;
  }
  writeRows(<usize>load<u32>(ys) + offset, low0, high0, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 4) + offset, low1, high1, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 8) + offset, low2, high2, rows, bias, spare);
  writeRows(<usize>load<u32>(ys, 12) + offset, low3, high3, rows, bias, spare);
}

// @ts-ignore: decorator
@inline
function panels<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, blocks: usize, bias: usize, wide: usize): void {
  const tile = tileTokens();
  const spare = wide + blocks * WIDE_BYTES;
  for (let row: u32 = 0; row < rows; row += PANEL) {
    const some = min(PANEL, rows - row);
    const shift = bias ? bias + 4 * row : 0;
    const offset: usize = 4 * row;
    let t: u32 = 0;
    if (tokens >= tile) {
      let bytes = w;
      if (isSigned<T>()) {
        unpack(wide, w, blocks);
        bytes = wide;
      }
      for (; t + tile <= tokens; t += tile) {
        if (DOT == 0) wideTokens2<T>(ys + 4 * t, xs + 4 * t, offset, bytes, blocks, some, shift, spare);
        else wideTokens4<T>(ys + 4 * t, xs + 4 * t, offset, bytes, blocks, some, shift, spare);
      }
      for (; t < tokens; t++) {
        wideToken<T>(<usize>load<u32>(ys + 4 * t) + offset, load<u32>(xs + 4 * t), bytes, blocks, some, shift, spare);
      }
    }
    for (; t < tokens; t++) {
      const y = <usize>load<u32>(ys + 4 * t) + offset;
      const x: usize = load<u32>(xs + 4 * t);
      if (isSigned<T>()) narrowToken(y, x, w, blocks, some, shift, spare);
      else wideToken<u8>(y, x, w, blocks, some, shift, spare);
    }
    w += blocks * blockBytes<T>();
  }
}

/**
 * Rows of weights, whole panels but for the last, for tokens whose records and outputs lie at the addresses xs[t] and ys[t] (of the first of
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
  if (narrow) panels<i8>(ys, xs, tokens, w, rows, blocks, bias, wide);
  else panels<u8>(ys, xs, tokens, w, rows, blocks, bias, wide);
}
