/**
 * Matrix products. One accumulator per output, filled in the order of the inner axis and summed up in a fixed order: an output is the
 * same whichever tile, part or number of tokens it was computed with.
 */
import { address, scratch, take, word } from './command';
import { MATRICES, MATRIX_WORDS, piecesOf } from './matrices';
import { loadEnd, madd, sumLanes } from './lanes';
import { BF16, F32, lower, upper, weights4, weightsEnd, widen, widthShift } from './weights';

/** From this many tokens on, weights of 16 bits are widened once and used for all of them. */
const WIDEN_FROM: u32 = 4;

/** Rows that are widened at once. */
const WIDE_ROWS: u32 = 8;

/** Four rows, one token. */
// @ts-ignore: decorator
@inline
function rows4<T>(y: usize, x: usize, w: usize, stride: usize, count: usize, bias: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let w1 = w + stride;
  let w2 = w1 + stride;
  let w3 = w2 + stride;
  const whole = x + ((count & ~3) << 2);
  // Unrolled by what one load of 16 bytes brings, twice. Offsets stand there as numbers, to become part of the loads.
  if (sizeof<T>() == 4) {
    for (const most = x + ((count & ~7) << 2); x < most; x += 32) {
      let v = v128.load(x);
      s0 = madd(v, v128.load(w), s0);
      s1 = madd(v, v128.load(w1), s1);
      s2 = madd(v, v128.load(w2), s2);
      s3 = madd(v, v128.load(w3), s3);
      v = v128.load(x, 16);
      s0 = madd(v, v128.load(w, 16), s0);
      s1 = madd(v, v128.load(w1, 16), s1);
      s2 = madd(v, v128.load(w2, 16), s2);
      s3 = madd(v, v128.load(w3, 16), s3);
      w += 32;
      w1 += 32;
      w2 += 32;
      w3 += 32;
    }
  } else {
    for (const most = x + ((count & ~15) << 2); x < most; x += 64) {
      let u = v128.load(x);
      let v = v128.load(x, 16);
      let k = v128.load(w);
      s0 = madd(v, upper<T>(k), madd(u, lower<T>(k), s0));
      k = v128.load(w1);
      s1 = madd(v, upper<T>(k), madd(u, lower<T>(k), s1));
      k = v128.load(w2);
      s2 = madd(v, upper<T>(k), madd(u, lower<T>(k), s2));
      k = v128.load(w3);
      s3 = madd(v, upper<T>(k), madd(u, lower<T>(k), s3));
      u = v128.load(x, 32);
      v = v128.load(x, 48);
      k = v128.load(w, 16);
      s0 = madd(v, upper<T>(k), madd(u, lower<T>(k), s0));
      k = v128.load(w1, 16);
      s1 = madd(v, upper<T>(k), madd(u, lower<T>(k), s1));
      k = v128.load(w2, 16);
      s2 = madd(v, upper<T>(k), madd(u, lower<T>(k), s2));
      k = v128.load(w3, 16);
      s3 = madd(v, upper<T>(k), madd(u, lower<T>(k), s3));
      w += 32;
      w1 += 32;
      w2 += 32;
      w3 += 32;
    }
  }
  for (; x < whole; x += 16) {
    const v = v128.load(x);
    s0 = madd(v, weights4<T>(w), s0);
    s1 = madd(v, weights4<T>(w1), s1);
    s2 = madd(v, weights4<T>(w2), s2);
    s3 = madd(v, weights4<T>(w3), s3);
    w += 4 * sizeof<T>();
    w1 += 4 * sizeof<T>();
    w2 += 4 * sizeof<T>();
    w3 += 4 * sizeof<T>();
  }
  const rest = count & 3;
  if (rest) {
    const v = loadEnd(x, rest);
    s0 = madd(v, weightsEnd<T>(w, rest), s0);
    s1 = madd(v, weightsEnd<T>(w1, rest), s1);
    s2 = madd(v, weightsEnd<T>(w2, rest), s2);
    s3 = madd(v, weightsEnd<T>(w3, rest), s3);
  }
  let sums = f32x4(sumLanes(s0), sumLanes(s1), sumLanes(s2), sumLanes(s3));
  if (bias) sums = f32x4.add(sums, v128.load(bias));
  v128.store(y, sums);
}

function row1<T>(y: usize, x: usize, w: usize, count: usize, bias: usize): void {
  let s = f32x4.splat(0);
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, w += 4 * sizeof<T>()) s = madd(v128.load(x), weights4<T>(w), s);
  const rest = count & 3;
  if (rest) s = madd(loadEnd(x, rest), weightsEnd<T>(w, rest), s);
  let sum = sumLanes(s);
  if (bias) sum += load<f32>(bias);
  store<f32>(y, sum);
}

/** Rows of one token; the weights are read once. */
function rowsOfToken<T>(y: usize, x: usize, w: usize, rows: u32, count: usize, bias: usize): void {
  const stride = count * sizeof<T>();
  for (; rows >= 4; rows -= 4) {
    rows4<T>(y, x, w, stride, count, bias);
    y += 16;
    w += 4 * stride;
    if (bias) bias += 16;
  }
  for (; rows > 0; rows--) {
    row1<T>(y, x, w, count, bias);
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
  let w1 = w + stride;
  let w2 = w1 + stride;
  let w3 = w2 + stride;
  for (const most = x + ((count & ~7) << 2); x < most; x += 32) {
    let u = v128.load(x);
    let v = v128.load(xNext);
    let k = v128.load(w);
    a0 = madd(u, k, a0);
    b0 = madd(v, k, b0);
    k = v128.load(w1);
    a1 = madd(u, k, a1);
    b1 = madd(v, k, b1);
    k = v128.load(w2);
    a2 = madd(u, k, a2);
    b2 = madd(v, k, b2);
    k = v128.load(w3);
    a3 = madd(u, k, a3);
    b3 = madd(v, k, b3);
    u = v128.load(x, 16);
    v = v128.load(xNext, 16);
    k = v128.load(w, 16);
    a0 = madd(u, k, a0);
    b0 = madd(v, k, b0);
    k = v128.load(w1, 16);
    a1 = madd(u, k, a1);
    b1 = madd(v, k, b1);
    k = v128.load(w2, 16);
    a2 = madd(u, k, a2);
    b2 = madd(v, k, b2);
    k = v128.load(w3, 16);
    a3 = madd(u, k, a3);
    b3 = madd(v, k, b3);
    xNext += 32;
    w += 32;
    w1 += 32;
    w2 += 32;
    w3 += 32;
  }
  // At most one whole vector, then what fills none: both padded alike.
  for (let rest = count & 7; rest > 0; ) {
    const some = min<usize>(rest, 4);
    const full = some == 4;
    const u = full ? v128.load(x) : loadEnd(x, some);
    const v = full ? v128.load(xNext) : loadEnd(xNext, some);
    let k = full ? v128.load(w) : loadEnd(w, some);
    a0 = madd(u, k, a0);
    b0 = madd(v, k, b0);
    k = full ? v128.load(w1) : loadEnd(w1, some);
    a1 = madd(u, k, a1);
    b1 = madd(v, k, b1);
    k = full ? v128.load(w2) : loadEnd(w2, some);
    a2 = madd(u, k, a2);
    b2 = madd(v, k, b2);
    k = full ? v128.load(w3) : loadEnd(w3, some);
    a3 = madd(u, k, a3);
    b3 = madd(v, k, b3);
    x += 16;
    xNext += 16;
    w += 16;
    w1 += 16;
    w2 += 16;
    w3 += 16;
    rest -= some;
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
    if (t < tokens) rows4<f32>(<usize>load<u32>(ys + 4 * t) + 4 * row, load<u32>(xs + 4 * t), wRow, stride, count, shift);
  }
  for (let row = rows & ~3; row < rows; row++) {
    const shift = bias ? bias + 4 * row : 0;
    for (let t: u32 = 0; t < tokens; t++) {
      row1<f32>(<usize>load<u32>(ys + 4 * t) + 4 * row, load<u32>(xs + 4 * t), w + row * stride, count, shift);
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
      for (let i: u32 = 0; i < some; i++) {
        const to = wide + i * (count << 2);
        const from = w + (row + i) * stride;
        if (format == BF16) widen<u16>(to, from, count);
        else widen<i16>(to, from, count);
      }
      for (let t: u32 = 0; t < tokens; t++) store<u32>(outputs + 4 * t, load<u32>(ys + 4 * t) + 4 * row);
      block(outputs, xs, tokens, wide, count << 2, some, count, bias ? bias + 4 * row : 0);
    }
    return;
  }
  for (let t: u32 = 0; t < tokens; t++) {
    const y: usize = load<u32>(ys + 4 * t);
    const x: usize = load<u32>(xs + 4 * t);
    if (format == F32) rowsOfToken<f32>(y, x, w, rows, count, bias);
    else if (format == BF16) rowsOfToken<u16>(y, x, w, rows, count, bias);
    else rowsOfToken<i16>(y, x, w, rows, count, bias);
  }
}

/**
 * Words: x, T, J, format, count; then for each matrix y, w, bias, rows, rows of a piece. Scratch memory: two lists of T addresses; above
 * WIDEN_FROM tokens also WIDE_ROWS rows and a third list.
 */
export function linear(args: usize, part: u32, parts: u32): void {
  const x = address(args, 0);
  const tokens = word(args, 1);
  const count: usize = word(args, 2);
  const format = word(args, 3);
  const xs = scratch(args, part);
  const ys = xs + 4 * tokens;
  const wide = (ys + 4 * tokens + 15) & ~15;
  for (let t: u32 = 0; t < tokens; t++) store<u32>(xs + 4 * t, <u32>(x + t * (count << 2)));
  let before: u32 = 0; // pieces of the matrices before
  let matrix = MATRICES;
  const end = MATRICES + MATRIX_WORDS * word(args, 4);
  for (let piece = take(args); ; piece = take(args)) {
    while (matrix < end && piece - before >= piecesOf(args, matrix)) {
      before += piecesOf(args, matrix);
      matrix += MATRIX_WORDS;
    }
    if (matrix == end) return;
    const rows = word(args, matrix + 3);
    const chunk = word(args, matrix + 4);
    const first = (piece - before) * chunk;
    const some = min(chunk, rows - first);
    const y = address(args, matrix);
    const bias = address(args, matrix + 2);
    for (let t: u32 = 0; t < tokens; t++) store<u32>(ys + 4 * t, <u32>(y + (t * rows + first) * 4));
    const w = address(args, matrix + 1) + (first * count << widthShift(format));
    rowsForTokens(ys, xs, tokens, w, some, count, bias ? bias + 4 * first : 0, format, wide);
  }
}
