/**
 * Ternary matrix products in exact integers. Byte [p, k] holds the codes (weight + 1) of rows p, p + R, p + 2R and p + 3R of column k, so
 * four rows are read at once; sum q (code - 1) = sum q code - sum q. DOT is explained in blocks.ts.
 */
import { address, scratch, take, word } from './command';
import { heldInts } from './lanes';
import { MATRICES, piecesOf, STREAMS } from './matrices';

/** Columns whose products are summed up in 16 bits, by two sums: a lane gets pairs of up to 2 * 128 * 8, and 15 of them stay below 2^15. */
const FLUSH: usize = 15 * 32;

/** Groups of four columns likewise, with codes that are not four times too large. */
const FLUSH_GROUPS: usize = 62;

// @ts-ignore: decorator
@inline
function sumInts(x: v128): i32 {
  return i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3);
}

/** Sum of `count` int8. */
function sumRow(q: usize, count: usize): i32 {
  let total = i32x4.splat(0);
  const whole = q + (count & ~15);
  for (; q < whole; q += 16) total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(q))));
  let sum = sumInts(total);
  for (let rest = count & 15; rest > 0; rest--, q++) sum += load<i8>(q);
  return sum;
}

/** Adds the products of 16 columns to a sum: of 32 bits for DOT 2, else of 16. */
// @ts-ignore: decorator
@inline
function meet(sum: v128, x: v128, codes: v128): v128 {
  if (DOT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, codes, sum);
  if (DOT == 1) return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(x, codes));
  return i16x8.add(sum, i16x8.add(i16x8.extmul_low_i8x16_s(x, codes), i16x8.extmul_high_i8x16_s(x, codes)));
}

/** A sum of `meet`, in 32 bits. */
// @ts-ignore: decorator
@inline
function wide(sum: v128): v128 {
  return DOT == 2 ? sum : i32x4.extadd_pairwise_i16x8_s(sum);
}

/** Two sums of `meet`, added to one of 32 bits. */
// @ts-ignore: decorator
@inline
function flush(total: v128, a: v128, b: v128): v128 {
  return i32x4.add(total, i32x4.add(wide(a), wide(b)));
}

/** Adds the last columns, fewer than 32, to the sums of a packed row, and stores what they make without `sumOfQ`. */
function packedEnd(to: usize, sums: usize, q: usize, w: usize, count: usize, sumOfQ: i32): void {
  let t0 = v128.load(sums);
  let t1 = v128.load(sums, 16);
  let t2 = v128.load(sums, 32);
  let t3 = v128.load(sums, 48);
  if (count & 16) {
    const ones = i8x16.splat(3);
    const zero = i32x4.splat(0);
    const x = v128.load(q);
    const u = v128.load(w);
    const fours = i8x16.splat(12);
    const upper = i16x8.shr_u(u, 4);
    t0 = i32x4.add(t0, wide(meet(zero, x, v128.and(u, ones))));
    t1 = i32x4.add(t1, wide(meet(zero, x, v128.and(u, fours))));
    t2 = i32x4.add(t2, wide(meet(zero, x, v128.and(upper, ones))));
    t3 = i32x4.add(t3, wide(meet(zero, x, v128.and(upper, fours))));
    q += 16;
    w += 16;
  }
  let s0 = sumInts(t0);
  let s1 = sumInts(t1) >> 2;
  let s2 = sumInts(t2);
  let s3 = sumInts(t3) >> 2;
  for (let rest = count & 15; rest > 0; rest--, q++, w++) {
    const x = <i32>load<i8>(q);
    const b = <i32>load<u8>(w);
    s0 += x * (b & 3);
    s1 += x * ((b >> 2) & 3);
    s2 += x * ((b >> 4) & 3);
    s3 += x * (b >> 6);
  }
  store<i32>(to, s0 - sumOfQ);
  store<i32>(to, s1 - sumOfQ, 4);
  store<i32>(to, s2 - sumOfQ, 8);
  store<i32>(to, s3 - sumOfQ, 12);
}

/**
 * The integer sums of `rows` packed rows with one token: four of each, stored at `to`, 16 bytes for each row. The rows lie `apart` bytes apart and
 * are read by turns. Vectors go by twos, alike, for the reason in blocks.ts.
 */
function packedRows(to: usize, q: usize, w: usize, count: usize, rows: u32, apart: usize, sumOfQ: i32): void {
  const ones = heldInts(0x0303, count);
  const fours = heldInts(0x0c0c, count); // codes that stay where they are, four times too large
  const sums = to + 16 * rows; // four vectors of each row
  memory.fill(sums, 0, 64 * rows);
  for (let left = count & ~31; left > 0; ) {
    const some = min(left, FLUSH);
    left -= some;
    let from = w;
    for (let sum = sums; sum < sums + 64 * rows; sum += 64, from += apart) {
      let a0 = i32x4.splat(0);
      let a1 = a0;
      let a2 = a0;
      let a3 = a0;
      let b0 = a0;
      let b1 = a0;
      let b2 = a0;
      let b3 = a0;
      let at = from;
      for (let x = q; x < q + some; x += 32, at += 32) {
        const y = v128.load(x);
        const z = v128.load(x, 16);
        const u = v128.load(at);
        const v = v128.load(at, 16);
        a0 = meet(a0, y, v128.and(u, ones));
        b0 = meet(b0, z, v128.and(v, ones));
        a1 = meet(a1, y, v128.and(u, fours));
        b1 = meet(b1, z, v128.and(v, fours));
        const uUpper = i16x8.shr_u(u, 4);
        const vUpper = i16x8.shr_u(v, 4);
        a2 = meet(a2, y, v128.and(uUpper, ones));
        b2 = meet(b2, z, v128.and(vUpper, ones));
        a3 = meet(a3, y, v128.and(uUpper, fours));
        b3 = meet(b3, z, v128.and(vUpper, fours));
      }
      v128.store(sum, flush(v128.load(sum), a0, b0));
      v128.store(sum, flush(v128.load(sum, 16), a1, b1), 16);
      v128.store(sum, flush(v128.load(sum, 32), a2, b2), 32);
      v128.store(sum, flush(v128.load(sum, 48), a3, b3), 48);
    }
    q += some;
    w += some;
  }
  for (let row: u32 = 0; row < rows; row++) packedEnd(to + 16 * row, sums + 64 * row, q, w + row * apart, count & 31, sumOfQ);
}

/** The codes of one packed row: for each four columns the bytes of its four rows; 32 bytes further for the next four. */
function unpack(to: usize, w: usize, count: usize): void {
  const ones = i8x16.splat(3);
  for (const end = w + (count & ~15); w < end; w += 16, to += 128) {
    const b = v128.load(w);
    const c0 = v128.and(b, ones);
    const c1 = v128.and(i16x8.shr_u(b, 2), ones);
    const c2 = v128.and(i16x8.shr_u(b, 4), ones);
    const c3 = v128.and(i16x8.shr_u(b, 6), ones);
    const low01 = v128.shuffle<i32>(c0, c1, 0, 4, 1, 5);
    const low23 = v128.shuffle<i32>(c2, c3, 0, 4, 1, 5);
    const high01 = v128.shuffle<i32>(c0, c1, 2, 6, 3, 7);
    const high23 = v128.shuffle<i32>(c2, c3, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<i64>(low01, low23, 0, 2));
    v128.store(to, v128.shuffle<i64>(low01, low23, 1, 3), 32);
    v128.store(to, v128.shuffle<i64>(high01, high23, 0, 2), 64);
    v128.store(to, v128.shuffle<i64>(high01, high23, 1, 3), 96);
  }
  const rest = count & 15;
  if (!rest) return;
  for (let i: usize = 0; i < 4; i++) v128.store(to + 32 * i, i32x4.splat(0));
  for (let i: usize = 0; i < rest; i++) {
    const b = load<u8>(w + i);
    const at = to + ((i >> 2) << 5) + (i & 3);
    store<u8>(at, b & 3);
    store<u8>(at, (b >> 2) & 3, 4);
    store<u8>(at, (b >> 4) & 3, 8);
    store<u8>(at, b >> 6, 12);
  }
}

/** Two unpacked rows and four tokens: 32 integer sums at `to`, for each token those of the first row, then of the second, less `sumsOfQ`. */
function tile4(to: usize, q: usize, stride: usize, codes: usize, groups: usize, sumsOfQ: usize): void {
  for (let i: usize = 0; i < 4; i++) {
    const start = i32x4.splat(-load<i32>(sumsOfQ + 4 * i));
    v128.store(to + 32 * i, start);
    v128.store(to + 32 * i, start, 16);
  }
  while (groups > 0) {
    let some = DOT == 2 ? groups : min(groups, FLUSH_GROUPS);
    groups -= some;
    let a0 = i32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    let b0 = a0;
    let b1 = a0;
    let b2 = a0;
    let b3 = a0;
    const q1 = stride;
    const q2 = 2 * stride;
    const q3 = 3 * stride;
    for (; some >= 2; some -= 2) {
      let u = v128.load(codes);
      let v = v128.load(codes, 16);
      let x = v128.load32_splat(q);
      a0 = meet(a0, x, u);
      b0 = meet(b0, x, v);
      x = v128.load32_splat(q + q1);
      a1 = meet(a1, x, u);
      b1 = meet(b1, x, v);
      x = v128.load32_splat(q + q2);
      a2 = meet(a2, x, u);
      b2 = meet(b2, x, v);
      x = v128.load32_splat(q + q3);
      a3 = meet(a3, x, u);
      b3 = meet(b3, x, v);
      u = v128.load(codes, 32);
      v = v128.load(codes, 48);
      x = v128.load32_splat(q, 4);
      a0 = meet(a0, x, u);
      b0 = meet(b0, x, v);
      x = v128.load32_splat(q + q1, 4);
      a1 = meet(a1, x, u);
      b1 = meet(b1, x, v);
      x = v128.load32_splat(q + q2, 4);
      a2 = meet(a2, x, u);
      b2 = meet(b2, x, v);
      x = v128.load32_splat(q + q3, 4);
      a3 = meet(a3, x, u);
      b3 = meet(b3, x, v);
      q += 8;
      codes += 64;
    }
    if (some) {
      const u = v128.load(codes);
      const v = v128.load(codes, 16);
      let x = v128.load32_splat(q);
      a0 = meet(a0, x, u);
      b0 = meet(b0, x, v);
      x = v128.load32_splat(q + q1);
      a1 = meet(a1, x, u);
      b1 = meet(b1, x, v);
      x = v128.load32_splat(q + q2);
      a2 = meet(a2, x, u);
      b2 = meet(b2, x, v);
      x = v128.load32_splat(q + q3);
      a3 = meet(a3, x, u);
      b3 = meet(b3, x, v);
      q += 4;
      codes += 32;
    }
    a0 = i32x4.add(v128.load(to, 0), wide(a0));
    b0 = i32x4.add(v128.load(to, 16), wide(b0));
    a1 = i32x4.add(v128.load(to, 32), wide(a1));
    b1 = i32x4.add(v128.load(to, 48), wide(b1));
    a2 = i32x4.add(v128.load(to, 64), wide(a2));
    b2 = i32x4.add(v128.load(to, 80), wide(b2));
    a3 = i32x4.add(v128.load(to, 96), wide(a3));
    b3 = i32x4.add(v128.load(to, 112), wide(b3));
    v128.store(to, a0, 0);
    v128.store(to, b0, 16);
    v128.store(to, a1, 32);
    v128.store(to, b1, 48);
    v128.store(to, a2, 64);
    v128.store(to, b2, 80);
    v128.store(to, a3, 96);
    v128.store(to, b3, 112);
  }
}

/** acc / (s * wScale), or acc / s * wScale; and the bias. */
// @ts-ignore: decorator
@inline
function scaled(sum: i32, scale: f32, wScale: f32, divide: u32, bias: usize): f32 {
  const value = divide ? <f32>sum / (scale * wScale) : (<f32>sum / scale) * wScale;
  return bias ? value + load<f32>(bias) : value;
}

/** Words of a matrix: y, w, bias, packed rows, packed rows of a piece, address of its scale, rows. */
const TERNARY_WORDS: usize = 7;

/** Bytes of the sums of as many packed rows as there are streams. */
const SUM_BYTES: usize = 80 * STREAMS;

/** Outputs of a packed row p for a token, from integer sums: rows p, p + R, ... of all `rows`. */
// @ts-ignore: decorator
@inline
function writeSums(args: usize, matrix: usize, t: u32, p: u32, sums: usize): void {
  const quarter = word(args, matrix + 3);
  const rows = word(args, matrix + 6);
  const bias = address(args, matrix + 2);
  const scale = load<f32>(address(args, 3) + 4 * t);
  const wScale = load<f32>(address(args, matrix + 5));
  const to = address(args, matrix) + t * rows * 4;
  for (let row = p; row < rows; row += quarter, sums += 4) {
    store<f32>(to + 4 * row, scaled(load<i32>(sums), scale, wScale, word(args, 5), bias ? bias + 4 * row : 0));
  }
}

/** Packed rows first..end of a matrix for all whole tiles of tokens up to `tokens`; gives how many. */
function tiles(args: usize, matrix: usize, first: u32, end: u32, tokens: u32, sumsOfQ: usize, tile: usize): u32 {
  if (tokens < 4) return 0;
  const q = address(args, 0);
  const count: usize = word(args, 2);
  const w = address(args, matrix + 1);
  const codes = tile + SUM_BYTES;
  for (let p = first; p < end; p += 2) {
    const two: u32 = p + 1 < end ? 2 : 1;
    unpack(codes, w + p * count, count);
    if (two == 2) unpack(codes + 16, w + (p + 1) * count, count);
    for (let t: u32 = 0; t + 4 <= tokens; t += 4) {
      tile4(tile, q + t * count, count, codes, ((count + 15) & ~15) >> 2, sumsOfQ + 4 * t);
      for (let i: u32 = 0; i < 4; i++) {
        for (let half: u32 = 0; half < two; half++) writeSums(args, matrix, t + i, p + half, tile + 32 * i + 16 * half);
      }
    }
  }
  return tokens & ~3;
}

/**
 * Words: q, T, J, s, count, divide; but the list of matrices begins at word 6. Scratch memory: T sums of the inputs, SUM_BYTES, and where codes
 * are unpacked those of 8 rows.
 */
export function linearTernary(args: usize, part: u32, parts: u32): void {
  const q = address(args, 0);
  const tokens = word(args, 1);
  const count: usize = word(args, 2);
  const sumsOfQ = scratch(args, part);
  const sums = (sumsOfQ + 4 * tokens + 15) & ~15;
  // Tiles read whole vectors, which must not end beyond the last row. Plain SIMD multiplies no faster with unpacked codes.
  const tiled = DOT == 0 ? 0 : (count & 15) == 0 ? tokens : tokens - 1;
  for (let t: u32 = 0; t < tokens; t++) store<i32>(sumsOfQ + 4 * t, sumRow(q + t * count, count));
  let before: u32 = 0; // pieces of the matrices before
  let matrix = MATRICES;
  const last = matrix + TERNARY_WORDS * word(args, 4);
  for (let piece = take(args); ; piece = take(args)) {
    while (matrix < last && piece - before >= piecesOf(args, matrix)) {
      before += piecesOf(args, matrix);
      matrix += TERNARY_WORDS;
    }
    if (matrix == last) return;
    const w = address(args, matrix + 1);
    const chunk = word(args, matrix + 4);
    const first = (piece - before) * chunk;
    const end = min(first + chunk, word(args, matrix + 3));
    const done = tiles(args, matrix, first, end, tiled, sumsOfQ, sums);
    if (done == tokens) continue;
    const step = (end - first + STREAMS - 1) / STREAMS;
    for (let p = first; p < first + step; p++) {
      const rows = (end - p + step - 1) / step;
      for (let t = done; t < tokens; t++) {
        packedRows(sums, q + t * count, w + p * count, count, rows, step * count, load<i32>(sumsOfQ + 4 * t));
        for (let i: u32 = 0; i < rows; i++) writeSums(args, matrix, t, p + i * step, sums + 16 * i);
      }
    }
  }
}
