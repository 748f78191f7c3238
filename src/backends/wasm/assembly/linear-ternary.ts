/**
 * Ternary matrix products in exact integers. Byte [p, k] holds the codes (weight + 1) of rows p, p + R, p + 2R and p + 3R of column k,
 * so four rows are read at once; sum q (code - 1) = sum q code - sum q. Products of int8 and codes up to 3 are at most 384 in
 * magnitude: 64 of them fit 16 bits.
 */
import { address, scratch, take, word } from './command';

const FLUSH: usize = 64 * 16;

/** Sums of 16-bit lanes into 32-bit lanes. */
// @ts-ignore: decorator
@inline
function wider(total: v128, low: v128, high: v128): v128 {
  return i32x4.add(total, i32x4.add(i32x4.extadd_pairwise_i16x8_s(low), i32x4.extadd_pairwise_i16x8_s(high)));
}

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

/** The four integer sums of packed row `w` with one token; stored at `to`. */
function packedRow(to: usize, q: usize, w: usize, count: usize, sumOfQ: i32): void {
  const three = i8x16.splat(3);
  let t0 = i32x4.splat(0);
  let t1 = t0;
  let t2 = t0;
  let t3 = t0;
  let left = count & ~15;
  while (left > 0) {
    const some = min(left, FLUSH);
    left -= some;
    let l0 = i16x8.splat(0);
    let l1 = l0;
    let l2 = l0;
    let l3 = l0;
    let h0 = l0;
    let h1 = l0;
    let h2 = l0;
    let h3 = l0;
    for (const end = q + some; q < end; q += 16, w += 16) {
      const x = v128.load(q);
      const b = v128.load(w);
      const c0 = v128.and(b, three);
      l0 = i16x8.add(l0, i16x8.extmul_low_i8x16_s(x, c0));
      h0 = i16x8.add(h0, i16x8.extmul_high_i8x16_s(x, c0));
      const c1 = v128.and(i16x8.shr_u(b, 2), three);
      l1 = i16x8.add(l1, i16x8.extmul_low_i8x16_s(x, c1));
      h1 = i16x8.add(h1, i16x8.extmul_high_i8x16_s(x, c1));
      const c2 = v128.and(i16x8.shr_u(b, 4), three);
      l2 = i16x8.add(l2, i16x8.extmul_low_i8x16_s(x, c2));
      h2 = i16x8.add(h2, i16x8.extmul_high_i8x16_s(x, c2));
      const c3 = v128.and(i16x8.shr_u(b, 6), three);
      l3 = i16x8.add(l3, i16x8.extmul_low_i8x16_s(x, c3));
      h3 = i16x8.add(h3, i16x8.extmul_high_i8x16_s(x, c3));
    }
    t0 = wider(t0, l0, h0);
    t1 = wider(t1, l1, h1);
    t2 = wider(t2, l2, h2);
    t3 = wider(t3, l3, h3);
  }
  let s0 = sumInts(t0);
  let s1 = sumInts(t1);
  let s2 = sumInts(t2);
  let s3 = sumInts(t3);
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

/** Scratch memory: T sums of the inputs, then four integers. */
export function linearTernary(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const q = address(args, 1);
  const s = address(args, 2);
  const w = address(args, 3);
  const wScale = load<f32>(address(args, 4));
  const bias = address(args, 5);
  const tokens = word(args, 6);
  const rows = word(args, 7);
  const count: usize = word(args, 8);
  const divide = word(args, 9);
  const chunk = word(args, 10);
  const quarter = (rows + 3) >> 2;
  const sums = scratch(args, part);
  const four = (sums + 4 * tokens + 15) & ~15;
  for (let t: u32 = 0; t < tokens; t++) store<i32>(sums + 4 * t, sumRow(q + t * count, count));
  for (let first = take(args) * chunk; first < quarter; first = take(args) * chunk) {
    const end = min(first + chunk, quarter);
    for (let t: u32 = 0; t < tokens; t++) {
      const scale = load<f32>(s + 4 * t);
      for (let p = first; p < end; p++) {
        packedRow(four, q + t * count, w + p * count, count, load<i32>(sums + 4 * t));
        for (let i: u32 = 0, row = p; i < 4 && row < rows; i++, row += quarter) {
          const acc = <f32>load<i32>(four + 4 * i);
          let value = divide ? acc / (scale * wScale) : (acc / scale) * wScale;
          if (bias) value += load<f32>(bias + 4 * row);
          store<f32>(y + (t * rows + row) * 4, value);
        }
      }
    }
  }
}

/** s = 127 / max(max|x|, 1e-5), q = round(x s) to even, clamped. */
export function quantizeRows(args: usize, part: u32, parts: u32): void {
  const q = address(args, 0);
  const s = address(args, 1);
  const x = address(args, 2);
  const tokens = word(args, 3);
  const count: usize = word(args, 4);
  for (let t = take(args); t < tokens; t = take(args)) {
    const row = x + t * (count << 2);
    const codes = q + t * count;
    let largest = f32x4.splat(1e-5);
    const whole = count & ~3;
    for (let i: usize = 0; i < whole; i += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(row + (i << 2))));
    let most = max(
      max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
      max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
    );
    for (let i = whole; i < count; i++) most = max(most, abs(load<f32>(row + (i << 2))));
    const scale: f32 = 127 / most;
    store<f32>(s + 4 * t, scale);
    for (let i: usize = 0; i < count; i++) {
      const code = nearest(load<f32>(row + (i << 2)) * scale);
      store<i8>(codes + i, <i8>max<f32>(-128, min<f32>(127, code)));
    }
  }
}
