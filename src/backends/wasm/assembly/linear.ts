/**
 * Matrix products. One accumulator per output, filled in the order of the inner axis and summed up in a fixed order: an output is the
 * same whichever tile, part or number of tokens it was computed with.
 */
import { address, scratch, take, word } from './command';
import { MATRICES, MATRIX_WORDS, piecesOf } from './matrices';
import { loadEnd, madd, storeEnd, sumLanes } from './lanes';
import { BF16, F32, lower, upper, weights4, weightsEnd, widthShift } from './weights';

/** From this many tokens on, weights are widened and laid out once, and used for all of them. */
const WIDEN_FROM: u32 = 4;

/** Rows that are widened at once. */
const WIDE_ROWS: u32 = 4;

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

/**
 * Four rows as f32, side by side: of each four columns those of the first row, then of the second, and so on; zeros beyond the ends. Rows that
 * lie a power of two apart would drive each other out of the cache, and V8 can make one instruction of 256 bits of each two rows (blocks.ts).
 */
function widenRows<T>(to: usize, w: usize, stride: usize, rows: u32, count: usize): void {
  if (rows < 4) memory.fill(to, 0, ((count + 3) & ~3) << 4);
  const rest = count & 3;
  for (let row: u32 = 0; row < rows; row++) {
    let from = w + row * stride;
    let at = to + 16 * row;
    for (const end = at + ((count & ~3) << 4); at < end; at += 64, from += 4 * sizeof<T>()) v128.store(at, weights4<T>(from));
    if (rest) v128.store(at, weightsEnd<T>(from, rest));
  }
}

/** Four rows of `widenRows`, one token. `spare` has room for four vectors. */
function tile1(y: usize, x: usize, w: usize, rows: u32, count: usize, bias: usize, spare: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (const whole = x + ((count & ~3) << 2); x < whole; x += 16, w += 64) {
    const v = v128.load(x);
    s0 = madd(v, v128.load(w), s0);
    s1 = madd(v, v128.load(w, 16), s1);
    s2 = madd(v, v128.load(w, 32), s2);
    s3 = madd(v, v128.load(w, 48), s3);
  }
  if (count & 3) {
    const v = loadEnd(x, count & 3);
    s0 = madd(v, v128.load(w), s0);
    s1 = madd(v, v128.load(w, 16), s1);
    s2 = madd(v, v128.load(w, 32), s2);
    s3 = madd(v, v128.load(w, 48), s3);
  }
  v128.store(spare, s0);
  v128.store(spare, s1, 16);
  v128.store(spare, s2, 32);
  v128.store(spare, s3, 48);
  store4(y, spare, rows, bias);
}

/** Four rows of `widenRows`, two tokens. `spare` has room for eight vectors. */
function tile2(
  y: usize,
  yNext: usize,
  x: usize,
  xNext: usize,
  w: usize,
  rows: u32,
  count: usize,
  bias: usize,
  spare: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  for (const whole = x + ((count & ~3) << 2); x < whole; x += 16, xNext += 16, w += 64) {
    const u = v128.load(x);
    const v = v128.load(xNext);
    const k0 = v128.load(w);
    const k1 = v128.load(w, 16);
    const k2 = v128.load(w, 32);
    const k3 = v128.load(w, 48);
    a0 = madd(u, k0, a0);
    a1 = madd(u, k1, a1);
    a2 = madd(u, k2, a2);
    a3 = madd(u, k3, a3);
    b0 = madd(v, k0, b0);
    b1 = madd(v, k1, b1);
    b2 = madd(v, k2, b2);
    b3 = madd(v, k3, b3);
  }
  if (count & 3) {
    const u = loadEnd(x, count & 3);
    const v = loadEnd(xNext, count & 3);
    const k0 = v128.load(w);
    const k1 = v128.load(w, 16);
    const k2 = v128.load(w, 32);
    const k3 = v128.load(w, 48);
    a0 = madd(u, k0, a0);
    a1 = madd(u, k1, a1);
    a2 = madd(u, k2, a2);
    a3 = madd(u, k3, a3);
    b0 = madd(v, k0, b0);
    b1 = madd(v, k1, b1);
    b2 = madd(v, k2, b2);
    b3 = madd(v, k3, b3);
  }
  v128.store(spare, a0);
  v128.store(spare, a1, 16);
  v128.store(spare, a2, 32);
  v128.store(spare, a3, 48);
  v128.store(spare, b0, 64);
  v128.store(spare, b1, 80);
  v128.store(spare, b2, 96);
  v128.store(spare, b3, 112);
  store4(y, spare, rows, bias);
  store4(yNext, spare + 64, rows, bias);
}

/** Sums up four vectors, in the order of `rows4`, and stores what belongs to rows. */
function store4(y: usize, from: usize, rows: u32, bias: usize): void {
  const sums = f32x4(
    sumLanes(v128.load(from)),
    sumLanes(v128.load(from, 16)),
    sumLanes(v128.load(from, 32)),
    sumLanes(v128.load(from, 48)),
  );
  if (rows >= 4) v128.store(y, bias ? f32x4.add(sums, v128.load(bias)) : sums);
  else storeEnd(y, bias ? f32x4.add(sums, loadEnd(bias, rows)) : sums, rows);
}

/**
 * Rows of weights [rows, count] for tokens whose inputs and outputs lie at the addresses xs[t] and ys[t] (of the first of these rows).
 * `wide` is scratch memory of WIDE_ROWS rows and 128 bytes.
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
  if (tokens < WIDEN_FROM) {
    for (let t: u32 = 0; t < tokens; t++) {
      const y: usize = load<u32>(ys + 4 * t);
      const x: usize = load<u32>(xs + 4 * t);
      if (format == F32) rowsOfToken<f32>(y, x, w, rows, count, bias);
      else if (format == BF16) rowsOfToken<u16>(y, x, w, rows, count, bias);
      else rowsOfToken<i16>(y, x, w, rows, count, bias);
    }
    return;
  }
  const spare = wide + WIDE_ROWS * (((count + 3) & ~3) << 2);
  for (let row: u32 = 0; row < rows; row += WIDE_ROWS, w += WIDE_ROWS * stride) {
    const some = min(WIDE_ROWS, rows - row);
    if (format == F32) widenRows<f32>(wide, w, stride, some, count);
    else if (format == BF16) widenRows<u16>(wide, w, stride, some, count);
    else widenRows<i16>(wide, w, stride, some, count);
    const shift = bias ? bias + 4 * row : 0;
    let t: u32 = 0;
    for (; t + 2 <= tokens; t += 2) {
      const y = <usize>load<u32>(ys + 4 * t) + 4 * row;
      const yNext = <usize>load<u32>(ys + 4 * t, 4) + 4 * row;
      tile2(y, yNext, load<u32>(xs + 4 * t), load<u32>(xs + 4 * t, 4), wide, some, count, shift, spare);
    }
    if (t < tokens) tile1(<usize>load<u32>(ys + 4 * t) + 4 * row, load<u32>(xs + 4 * t), wide, some, count, shift, spare);
  }
}

/**
 * Words: x, T, J, format, count; then for each matrix y, w, bias, rows, rows of a piece. Scratch memory: two lists of T addresses; above
 * WIDEN_FROM tokens also WIDE_ROWS rows and 128 bytes.
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
