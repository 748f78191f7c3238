/**
 * Matrix products. One accumulator per output, filled in the order of the inner axis and summed up in a fixed order: an output is the
 * same whichever tile, part or number of tokens it was computed with.
 */
import { address, scratch, take, word } from './command';
import { loadEnd, madd, sumLanes } from './lanes';
import { BF16, F16, F32, weights4, weightsEnd, widen, widthShift } from './weights';

/** From this many tokens on, weights of 16 bits are widened once and used for all of them. */
const WIDEN_FROM: u32 = 4;

/** Rows that are widened at once. */
const WIDE_ROWS: u32 = 8;

/** Four rows, one token. `format` is a constant wherever this is inlined. */
// @ts-ignore: decorator
@inline
function rows4(y: usize, x: usize, w: usize, stride: usize, count: usize, bias: usize, format: u32): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const step: usize = 4 << widthShift(format);
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, w += step) {
    const v = v128.load(x);
    s0 = madd(v, weights4(w, format), s0);
    s1 = madd(v, weights4(w + stride, format), s1);
    s2 = madd(v, weights4(w + 2 * stride, format), s2);
    s3 = madd(v, weights4(w + 3 * stride, format), s3);
  }
  const rest = count & 3;
  if (rest) {
    const v = loadEnd(x, rest);
    s0 = madd(v, weightsEnd(w, rest, format), s0);
    s1 = madd(v, weightsEnd(w + stride, rest, format), s1);
    s2 = madd(v, weightsEnd(w + 2 * stride, rest, format), s2);
    s3 = madd(v, weightsEnd(w + 3 * stride, rest, format), s3);
  }
  let sums = f32x4(sumLanes(s0), sumLanes(s1), sumLanes(s2), sumLanes(s3));
  if (bias) sums = f32x4.add(sums, v128.load(bias));
  v128.store(y, sums);
}

// @ts-ignore: decorator
@inline
function row1(y: usize, x: usize, w: usize, count: usize, bias: usize, format: u32): void {
  let s = f32x4.splat(0);
  const step: usize = 4 << widthShift(format);
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, w += step) s = madd(v128.load(x), weights4(w, format), s);
  const rest = count & 3;
  if (rest) s = madd(loadEnd(x, rest), weightsEnd(w, rest, format), s);
  let sum = sumLanes(s);
  if (bias) sum += load<f32>(bias);
  store<f32>(y, sum);
}

/** Rows of one token; the weights are read once. */
// @ts-ignore: decorator
@inline
function rowsOfToken(y: usize, x: usize, w: usize, stride: usize, rows: u32, count: usize, bias: usize, format: u32): void {
  for (; rows >= 4; rows -= 4) {
    rows4(y, x, w, stride, count, bias, format);
    y += 16;
    w += 4 * stride;
    if (bias) bias += 16;
  }
  for (; rows > 0; rows--) {
    row1(y, x, w, count, bias, format);
    y += 4;
    w += stride;
    if (bias) bias += 4;
  }
}

/** Four rows, two tokens, f32. */
function rows4tokens2(y: usize, yNext: usize, x: usize, xNext: usize, w: usize, stride: usize, count: usize, bias: usize): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, xNext += 16, w += 16) {
    const u = v128.load(x);
    const v = v128.load(xNext);
    const w0 = v128.load(w);
    a0 = madd(u, w0, a0);
    b0 = madd(v, w0, b0);
    const w1 = v128.load(w + stride);
    a1 = madd(u, w1, a1);
    b1 = madd(v, w1, b1);
    const w2 = v128.load(w + 2 * stride);
    a2 = madd(u, w2, a2);
    b2 = madd(v, w2, b2);
    const w3 = v128.load(w + 3 * stride);
    a3 = madd(u, w3, a3);
    b3 = madd(v, w3, b3);
  }
  const rest = count & 3;
  if (rest) {
    const u = loadEnd(x, rest);
    const v = loadEnd(xNext, rest);
    const w0 = loadEnd(w, rest);
    a0 = madd(u, w0, a0);
    b0 = madd(v, w0, b0);
    const w1 = loadEnd(w + stride, rest);
    a1 = madd(u, w1, a1);
    b1 = madd(v, w1, b1);
    const w2 = loadEnd(w + 2 * stride, rest);
    a2 = madd(u, w2, a2);
    b2 = madd(v, w2, b2);
    const w3 = loadEnd(w + 3 * stride, rest);
    a3 = madd(u, w3, a3);
    b3 = madd(v, w3, b3);
  }
  let a = f32x4(sumLanes(a0), sumLanes(a1), sumLanes(a2), sumLanes(a3));
  let b = f32x4(sumLanes(b0), sumLanes(b1), sumLanes(b2), sumLanes(b3));
  if (bias) {
    const shift = v128.load(bias);
    a = f32x4.add(a, shift);
    b = f32x4.add(b, shift);
  }
  v128.store(y, a);
  v128.store(yNext, b);
}

/** Some rows of f32 weights for some tokens; rows of x and y lie at `xs` and `ys`, lists of addresses. */
function block(ys: usize, xs: usize, tokens: u32, w: usize, stride: usize, rows: u32, count: usize, bias: usize): void {
  for (let row: u32 = 0; row + 4 <= rows; row += 4) {
    const wRow = w + row * stride;
    const shift = bias ? bias + 4 * row : 0;
    let t: u32 = 0;
    for (; t + 2 <= tokens; t += 2) {
      const y = <usize>load<u32>(ys + 4 * t) + 4 * row;
      const yNext = <usize>load<u32>(ys + 4 * t, 4) + 4 * row;
      rows4tokens2(y, yNext, load<u32>(xs + 4 * t), load<u32>(xs + 4 * t, 4), wRow, stride, count, shift);
    }
    if (t < tokens) rows4(<usize>load<u32>(ys + 4 * t) + 4 * row, load<u32>(xs + 4 * t), wRow, stride, count, shift, F32);
  }
  for (let row = rows & ~3; row < rows; row++) {
    const shift = bias ? bias + 4 * row : 0;
    for (let t: u32 = 0; t < tokens; t++) {
      row1(<usize>load<u32>(ys + 4 * t) + 4 * row, load<u32>(xs + 4 * t), w + row * stride, count, shift, F32);
    }
  }
}

/**
 * Rows of weights [rows, count] for tokens whose inputs and outputs lie at the addresses xs[t] and ys[t] (of the first of these rows).
 * `wide` is scratch memory of WIDE_ROWS rows.
 */
export function rowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  count: usize,
  bias: usize,
  format: u32,
  wide: usize,
): void {
  const stride = count << widthShift(format);
  if (tokens >= WIDEN_FROM) {
    if (format == F32) {
      block(ys, xs, tokens, w, stride, rows, count, bias);
      return;
    }
    const outputs = wide + WIDE_ROWS * (count << 2);
    for (let row: u32 = 0; row < rows; row += WIDE_ROWS) {
      const some = min(WIDE_ROWS, rows - row);
      for (let i: u32 = 0; i < some; i++) widen(wide + i * (count << 2), w + (row + i) * stride, count, format);
      for (let t: u32 = 0; t < tokens; t++) store<u32>(outputs + 4 * t, load<u32>(ys + 4 * t) + 4 * row);
      block(outputs, xs, tokens, wide, count << 2, some, count, bias ? bias + 4 * row : 0);
    }
    return;
  }
  for (let t: u32 = 0; t < tokens; t++) {
    const y: usize = load<u32>(ys + 4 * t);
    const x: usize = load<u32>(xs + 4 * t);
    if (format == F32) rowsOfToken(y, x, w, stride, rows, count, bias, F32);
    else if (format == BF16) rowsOfToken(y, x, w, stride, rows, count, bias, BF16);
    else rowsOfToken(y, x, w, stride, rows, count, bias, F16);
  }
}

/** Scratch memory: two lists of T addresses; above WIDEN_FROM tokens also WIDE_ROWS rows and a third list. */
export function linear(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const w = address(args, 2);
  const bias = address(args, 3);
  const tokens = word(args, 4);
  const rows = word(args, 5);
  const count: usize = word(args, 6);
  const format = word(args, 7);
  const chunk = word(args, 8);
  const xs = scratch(args, part);
  const ys = xs + 4 * tokens;
  const wide = (ys + 4 * tokens + 15) & ~15;
  for (let t: u32 = 0; t < tokens; t++) store<u32>(xs + 4 * t, <u32>(x + t * (count << 2)));
  for (let first = take(args) * chunk; first < rows; first = take(args) * chunk) {
    const some = min(chunk, rows - first);
    for (let t: u32 = 0; t < tokens; t++) store<u32>(ys + 4 * t, <u32>(y + (t * rows + first) * 4));
    const wFirst = w + (first * count << widthShift(format));
    rowsForTokens(ys, xs, tokens, wFirst, some, count, bias ? bias + 4 * first : 0, format, wide);
  }
}
