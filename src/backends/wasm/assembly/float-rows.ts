/**
 * Products with weights in floats. An output has two vectors of sums, A and B, which take turns: whichever tile, part or number of tokens it is computed
 * with, it is the same sum in the same order. Vectors go by such twos, alike, for the reason in blocks.ts.
 */
import { loadEnd, madd, storeEnd, sumLanes } from './lanes';
import { STREAMS } from './matrices';
import { BF16, even, F32, heldFactor, heldMask, odd, widthShift } from './weights';

/** Columns of a turn of the loops: two vectors of 16-bit weights. Rows are filled up with zeros to whole groups. */
const GROUP: usize = 16;

/** From this many tokens on, weights are widened and laid out once, and used for all of them. */
const WIDEN_FROM: u32 = 4;

/** Rows of a turn. */
const ROWS: u32 = STREAMS;

/** Bytes of their sums for four tokens, and of the ends of their weights. */
const SUM_BYTES: usize = 512;
const END_BYTES: usize = 64 * ROWS;

// @ts-ignore: decorator
@inline
function groupsOf(count: usize): usize {
  return (count + GROUP - 1) / GROUP;
}

/** Bytes of a token's activations as of `arrange`. */
// @ts-ignore: decorator
@inline
export function arrangedBytes(count: usize): usize {
  return groupsOf(count) << 6;
}

/** Scratch memory of `floatRowsForTokens`. */
// @ts-ignore: decorator
@inline
export function wideRowsScratch(count: usize): usize {
  return ROWS * arrangedBytes(count) + SUM_BYTES + END_BYTES;
}

/**
 * Activations in the order in which the loops meet them. Of 16-bit weights one shift gives the even columns of a vector and one mask the odd ones, so
 * for these each 16 go in the order 0 2 4 6, 8 10 12 14, 1 3 5 7, 9 11 13 15.
 */
export function arrange(to: usize, x: usize, count: usize, format: u32): void {
  for (let left = count; left > 0; left -= min(left, GROUP), x += 64, to += 64) {
    let from = x;
    if (left < GROUP) {
      memory.fill(to, 0, 64);
      memory.copy(to, x, left << 2);
      from = to;
    }
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    const natural = format == F32;
    v128.store(to, natural ? a : v128.shuffle<f32>(a, b, 0, 2, 4, 6));
    v128.store(to, natural ? b : v128.shuffle<f32>(c, d, 0, 2, 4, 6), 16);
    v128.store(to, natural ? c : v128.shuffle<f32>(a, b, 1, 3, 5, 7), 32);
    v128.store(to, natural ? d : v128.shuffle<f32>(c, d, 1, 3, 5, 7), 48);
  }
}

/** The four vectors of a group of weights, in the order of `arrange`: which is 0 to 3. */
// @ts-ignore: decorator
@inline
function weights<T>(w: usize, which: usize, mask: v128, factor: v128): v128 {
  if (sizeof<T>() == 4) return v128.load(w + 16 * which);
  const pair = v128.load(w + 16 * (which & 1));
  return which < 2 ? even<T>(pair, mask, factor) : odd<T>(pair, mask, factor);
}

/** The last columns of a row, fewer than a group, and zeros. */
function copyEnd(to: usize, w: usize, bytes: usize): void {
  memory.fill(to, 0, 64);
  memory.copy(to, w, bytes);
}

/** Sums of four rows that lie `apart` bytes apart, for one token: A and B of each at `sums`. */
function rows4<T>(sums: usize, x: usize, w: usize, apart: usize, count: usize, ends: usize): void {
  const mask = heldMask<T>(count);
  const factor = heldFactor(count);
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let w1 = w + apart;
  let w2 = w1 + apart;
  let w3 = w2 + apart;
  let left = count / GROUP;
  for (let ended = false; ; ended = true) {
    for (; left > 0; left--) {
      const x0 = v128.load(x);
      const x1 = v128.load(x, 16);
      const x2 = v128.load(x, 32);
      const x3 = v128.load(x, 48);
      a0 = madd(x2, weights<T>(w, 2, mask, factor), madd(x0, weights<T>(w, 0, mask, factor), a0));
      b0 = madd(x3, weights<T>(w, 3, mask, factor), madd(x1, weights<T>(w, 1, mask, factor), b0));
      a1 = madd(x2, weights<T>(w1, 2, mask, factor), madd(x0, weights<T>(w1, 0, mask, factor), a1));
      b1 = madd(x3, weights<T>(w1, 3, mask, factor), madd(x1, weights<T>(w1, 1, mask, factor), b1));
      a2 = madd(x2, weights<T>(w2, 2, mask, factor), madd(x0, weights<T>(w2, 0, mask, factor), a2));
      b2 = madd(x3, weights<T>(w2, 3, mask, factor), madd(x1, weights<T>(w2, 1, mask, factor), b2));
      a3 = madd(x2, weights<T>(w3, 2, mask, factor), madd(x0, weights<T>(w3, 0, mask, factor), a3));
      b3 = madd(x3, weights<T>(w3, 3, mask, factor), madd(x1, weights<T>(w3, 1, mask, factor), b3));
      x += 64;
      w += GROUP * sizeof<T>();
      w1 += GROUP * sizeof<T>();
      w2 += GROUP * sizeof<T>();
      w3 += GROUP * sizeof<T>();
    }
    const bytes = (count & (GROUP - 1)) * sizeof<T>();
    if (ended || !bytes) break;
    copyEnd(ends, w, bytes);
    copyEnd(ends + 64, w1, bytes);
    copyEnd(ends + 128, w2, bytes);
    copyEnd(ends + 192, w3, bytes);
    w = ends;
    w1 = w + 64;
    w2 = w1 + 64;
    w3 = w2 + 64;
    left = 1;
  }
  v128.store(sums, a0);
  v128.store(sums, b0, 16);
  v128.store(sums, a1, 32);
  v128.store(sums, b1, 48);
  v128.store(sums, a2, 64);
  v128.store(sums, b2, 80);
  v128.store(sums, a3, 96);
  v128.store(sums, b3, 112);
}

/** What A and B at these addresses come to. */
// @ts-ignore: decorator
@inline
function sumOf(a: usize, b: usize): f32 {
  return sumLanes(f32x4.add(v128.load(a), v128.load(b)));
}

/** Rows for few tokens: four by turns, one of each stream. */
function streams<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, count: usize, bias: usize, sums: usize): void {
  const stride = count * sizeof<T>();
  const step = rows / ROWS;
  for (let first: u32 = 0; first < step; first++) {
    for (let t: u32 = 0; t < tokens; t++) {
      const y: usize = load<u32>(ys + 4 * t);
      rows4<T>(sums, load<u32>(xs + 4 * t), w + first * stride, step * stride, count, sums + SUM_BYTES);
      for (let i: u32 = 0; i < ROWS; i++) {
        const at: usize = 4 * (first + i * step);
        const sum = sumOf(sums + 32 * i, sums + 32 * i + 16);
        store<f32>(y + at, bias ? sum + load<f32>(bias + at) : sum);
      }
    }
  }
  for (let row = step * ROWS; row < rows; row++) {
    for (let t: u32 = 0; t < tokens; t++) {
      rows4<T>(sums, load<u32>(xs + 4 * t), w + row * stride, 0, count, sums + SUM_BYTES);
      const sum = sumOf(sums, sums + 16);
      store<f32>(<usize>load<u32>(ys + 4 * t) + 4 * row, bias ? sum + load<f32>(bias + 4 * row) : sum);
    }
  }
}

/**
 * Four rows as f32, side by side, so that rows a power of two apart do not drive each other out of the cache: vectors of the first row, of the second, and so
 * on; first all that go into A, then those of B.
 */
function widen4<T>(to: usize, w: usize, rows: u32, count: usize, ends: usize): void {
  const mask = heldMask<T>(count);
  const factor = heldFactor(count);
  const half = 2 * arrangedBytes(count);
  if (rows < ROWS) memory.fill(to, 0, 2 * half);
  for (let row: u32 = 0; row < rows; row++) {
    let from = w + row * count * sizeof<T>();
    let at = to + 16 * row;
    for (let left = count; left > 0; left -= min(left, GROUP), at += 128, from += GROUP * sizeof<T>()) {
      let group = from;
      if (left < GROUP) {
        copyEnd(ends, from, left * sizeof<T>());
        group = ends;
      }
      v128.store(at, weights<T>(group, 0, mask, factor));
      v128.store(at + half, weights<T>(group, 1, mask, factor));
      v128.store(at, weights<T>(group, 2, mask, factor), 64);
      v128.store(at + half, weights<T>(group, 3, mask, factor), 64);
    }
  }
}

/** A or B of four widened rows for two tokens: those of the first at `sums`, then of the second. */
function half2(sums: usize, x: usize, xNext: usize, w: usize, bytes: usize): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  for (const end = w + bytes; w < end; x += 32, xNext += 32, w += 64) {
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
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, b0, 64);
  v128.store(sums, b1, 80);
  v128.store(sums, b2, 96);
  v128.store(sums, b3, 112);
}

/** A or B of four widened rows for four tokens, as `half2`. Sixteen sums: registers of 256 bits hold them, those of 128 bits do not. */
function half4(sums: usize, x0: usize, x1: usize, x2: usize, x3: usize, w: usize, bytes: usize): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  let d0 = a0;
  let d1 = a0;
  let d2 = a0;
  let d3 = a0;
  for (const end = w + bytes; w < end; w += 128) {
    let k0 = v128.load(w);
    let k1 = v128.load(w, 16);
    let k2 = v128.load(w, 32);
    let k3 = v128.load(w, 48);
    let x = v128.load(x0);
    a0 = madd(x, k0, a0);
    a1 = madd(x, k1, a1);
    a2 = madd(x, k2, a2);
    a3 = madd(x, k3, a3);
    x = v128.load(x1);
    b0 = madd(x, k0, b0);
    b1 = madd(x, k1, b1);
    b2 = madd(x, k2, b2);
    b3 = madd(x, k3, b3);
    x = v128.load(x2);
    c0 = madd(x, k0, c0);
    c1 = madd(x, k1, c1);
    c2 = madd(x, k2, c2);
    c3 = madd(x, k3, c3);
    x = v128.load(x3);
    d0 = madd(x, k0, d0);
    d1 = madd(x, k1, d1);
    d2 = madd(x, k2, d2);
    d3 = madd(x, k3, d3);
    k0 = v128.load(w, 64);
    k1 = v128.load(w, 80);
    k2 = v128.load(w, 96);
    k3 = v128.load(w, 112);
    x = v128.load(x0, 32);
    a0 = madd(x, k0, a0);
    a1 = madd(x, k1, a1);
    a2 = madd(x, k2, a2);
    a3 = madd(x, k3, a3);
    x = v128.load(x1, 32);
    b0 = madd(x, k0, b0);
    b1 = madd(x, k1, b1);
    b2 = madd(x, k2, b2);
    b3 = madd(x, k3, b3);
    x = v128.load(x2, 32);
    c0 = madd(x, k0, c0);
    c1 = madd(x, k1, c1);
    c2 = madd(x, k2, c2);
    c3 = madd(x, k3, c3);
    x = v128.load(x3, 32);
    d0 = madd(x, k0, d0);
    d1 = madd(x, k1, d1);
    d2 = madd(x, k2, d2);
    d3 = madd(x, k3, d3);
    x0 += 64;
    x1 += 64;
    x2 += 64;
    x3 += 64;
  }
  v128.store(sums, a0);
  v128.store(sums, a1, 16);
  v128.store(sums, a2, 32);
  v128.store(sums, a3, 48);
  v128.store(sums, b0, 64);
  v128.store(sums, b1, 80);
  v128.store(sums, b2, 96);
  v128.store(sums, b3, 112);
  v128.store(sums, c0, 128);
  v128.store(sums, c1, 144);
  v128.store(sums, c2, 160);
  v128.store(sums, c3, 176);
  v128.store(sums, d0, 192);
  v128.store(sums, d1, 208);
  v128.store(sums, d2, 224);
  v128.store(sums, d3, 240);
}

/** Outputs of four rows from their A at `sums` and their B `apart` bytes further. */
function store4(y: usize, sums: usize, apart: usize, rows: u32, bias: usize): void {
  const all = f32x4(
    sumOf(sums, sums + apart),
    sumOf(sums + 16, sums + apart + 16),
    sumOf(sums + 32, sums + apart + 32),
    sumOf(sums + 48, sums + apart + 48),
  );
  if (rows >= ROWS) v128.store(y, bias ? f32x4.add(all, v128.load(bias)) : all);
  else storeEnd(y, bias ? f32x4.add(all, loadEnd(bias, rows)) : all, rows);
}

/**
 * Rows of weights [rows, count] for tokens whose activations, arranged, and outputs lie at the addresses xs[t] and ys[t] (of the first of these
 * rows). `wide` is scratch memory as of `wideRowsScratch`. `tile`: how many tokens share the loads of weights, 2 or 4. No bit depends on it.
 */
export function floatRowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  count: usize,
  bias: usize,
  format: u32,
  wide: usize,
  tile: u32,
): void {
  const sums = wide + ROWS * arrangedBytes(count);
  if (tokens < WIDEN_FROM) {
    if (format == F32) streams<f32>(ys, xs, tokens, w, rows, count, bias, sums);
    else if (format == BF16) streams<u16>(ys, xs, tokens, w, rows, count, bias, sums);
    else streams<i16>(ys, xs, tokens, w, rows, count, bias, sums);
    return;
  }
  const half = 2 * arrangedBytes(count);
  for (let row: u32 = 0; row < rows; row += ROWS, w += (ROWS * count) << widthShift(format)) {
    const some = min(ROWS, rows - row);
    if (format == F32) widen4<f32>(wide, w, some, count, sums + SUM_BYTES);
    else if (format == BF16) widen4<u16>(wide, w, some, count, sums + SUM_BYTES);
    else widen4<i16>(wide, w, some, count, sums + SUM_BYTES);
    const shift = bias ? bias + 4 * row : 0;
    let t: u32 = 0;
    for (; tile == 4 && t + 4 <= tokens; t += 4) {
      const x0: usize = load<u32>(xs + 4 * t);
      const x1: usize = load<u32>(xs + 4 * t, 4);
      const x2: usize = load<u32>(xs + 4 * t, 8);
      const x3: usize = load<u32>(xs + 4 * t, 12);
      half4(sums, x0, x1, x2, x3, wide, half);
      half4(sums + 256, x0 + 16, x1 + 16, x2 + 16, x3 + 16, wide + half, half);
      for (let i: u32 = 0; i < 4; i++) store4(<usize>load<u32>(ys + 4 * (t + i)) + 4 * row, sums + 64 * i, 256, some, shift);
    }
    for (; t < tokens; t += 2) {
      const next = min(t + 1, tokens - 1);
      const x: usize = load<u32>(xs + 4 * t);
      const xNext: usize = load<u32>(xs + 4 * next);
      half2(sums, x, xNext, wide, half);
      half2(sums + 128, x + 16, xNext + 16, wide + half, half);
      store4(<usize>load<u32>(ys + 4 * t) + 4 * row, sums, 128, some, shift);
      store4(<usize>load<u32>(ys + 4 * next) + 4 * row, sums + 64, 128, some, shift);
    }
  }
}
