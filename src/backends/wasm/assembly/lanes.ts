/**
 * Four floats at a time. Ends of rows that fill no whole vector go through the same arithmetic, padded with zeros, so that a number
 * never depends on where in a row it stands.
 */

/** Of a group of smaller numbers the scale is zero (../../../numbers.ts). */
export const TINY: f32 = 7.888609052210118e-31; // 2^-100

/** a * b + c; with one rounding where the processor has it. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the lanes, always in the same order. */
// @ts-ignore: decorator
@inline
export function sumLanes(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

// @ts-ignore: decorator
@inline
export function maxLanes(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/**
 * Four times `x`, for use in a loop. Engines make constants anew in each turn of a loop, three instructions each; what depends on a
 * parameter they keep in a register. `part` is below 65536, so that no bit is changed.
 */
// @ts-ignore: decorator
@inline
export function heldFloats(x: f32, part: u32): v128 {
  return f32x4.splat(reinterpret<f32>(reinterpret<u32>(x) | (part >> 16)));
}

/** `x` in all 16-bit lanes, for use in a loop, as `heldFloats`. `some` is below 2^24. */
// @ts-ignore: decorator
@inline
export function heldInts(x: i32, some: usize): v128 {
  return i16x8.splat(<i16>(x | <i32>(some >> 24)));
}

/** The first `count` (1 to 3) floats at `at`, and zeros. */
export function loadEnd(at: usize, count: usize): v128 {
  let x = v128.load32_zero(at);
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(at, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(at, 8));
  return x;
}

export function storeEnd(at: usize, x: v128, count: usize): void {
  store<f32>(at, f32x4.extract_lane(x, 0));
  if (count > 1) store<f32>(at, f32x4.extract_lane(x, 1), 4);
  if (count > 2) store<f32>(at, f32x4.extract_lane(x, 2), 8);
}

/** Four floats, or as many as there are (at least 1), and zeros. */
// @ts-ignore: decorator
@inline
export function load4(at: usize, count: usize): v128 {
  return count >= 4 ? v128.load(at) : loadEnd(at, count);
}

// @ts-ignore: decorator
@inline
export function store4(at: usize, x: v128, count: usize): void {
  if (count >= 4) v128.store(at, x);
  else storeEnd(at, x, count);
}

/** The sums of the lanes of four vectors, each in the order of sumLanes. */
// @ts-ignore: decorator
@inline
export function sumLanesOf4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** e^r for |r| <= ln 2 / 2 (Cephes expf). */
// @ts-ignore: decorator
@inline
export function expSmall4(r: v128): v128 {
  let p = f32x4.splat(1.9875691500e-4);
  p = madd(p, r, f32x4.splat(1.3981999507e-3));
  p = madd(p, r, f32x4.splat(8.3334519073e-3));
  p = madd(p, r, f32x4.splat(4.1665795894e-2));
  p = madd(p, r, f32x4.splat(1.6666665459e-1));
  p = madd(p, r, f32x4.splat(5.0000001201e-1));
  return f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
}

/** e^x within 2 units of the last place (Cephes expf); held to where f32 ends, NaN for NaN. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // The lesser and greater of a pair as processors have it, one instruction each; a number above 2^23 has no digits behind the point, so
  // adding one rounds, and the integer stands in the lowest bits.
  const y = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88.02)), f32x4.splat(-87.33));
  const rounded = madd(y, f32x4.splat(1.44269504088896341), f32x4.splat(12582912));
  const n = f32x4.sub(rounded, f32x4.splat(12582912));
  let r = f32x4.sub(y, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  const power = i32x4.shl(i32x4.add(rounded, i32x4.splat(127)), 23);
  return f32x4.mul(expSmall4(r), power);
}

/** Natural logarithm of normal numbers above zero (Cephes logf). */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // x = m * 2^e with m in [sqrt(1/2), sqrt(2))
  const shifted = i32x4.sub(x, i32x4.splat(0x3f3504f3));
  const e = f32x4.convert_i32x4_s(i32x4.shr_s(shifted, 23));
  const m = f32x4.sub(i32x4.add(v128.and(shifted, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3)), f32x4.splat(1));
  const square = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = madd(p, m, f32x4.splat(-1.1514610310e-1));
  p = madd(p, m, f32x4.splat(1.1676998740e-1));
  p = madd(p, m, f32x4.splat(-1.2420140846e-1));
  p = madd(p, m, f32x4.splat(1.4249322787e-1));
  p = madd(p, m, f32x4.splat(-1.6668057665e-1));
  p = madd(p, m, f32x4.splat(2.0000714765e-1));
  p = madd(p, m, f32x4.splat(-2.4999993993e-1));
  p = madd(p, m, f32x4.splat(3.3333331174e-1));
  let y = f32x4.mul(f32x4.mul(p, m), square);
  y = madd(e, f32x4.splat(-2.12194440e-4), y);
  y = f32x4.sub(y, f32x4.mul(square, f32x4.splat(0.5)));
  return madd(e, f32x4.splat(0.693359375), f32x4.add(m, y));
}

/** x / (1 + e^-x) */
// @ts-ignore: decorator
@inline
export function silu4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(exp4(f32x4.neg(x)), f32x4.splat(1)));
}

/** sum x[i] y[i] over `count` floats */
export function dot(x: usize, y: usize, count: usize): f32 {
  let sum = f32x4.splat(0);
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, y += 16) sum = madd(v128.load(x), v128.load(y), sum);
  const rest = count & 3;
  if (rest) sum = madd(loadEnd(x, rest), loadEnd(y, rest), sum);
  return sumLanes(sum);
}

/** y[i] += a x[i] over `count` floats */
export function addScaled(y: usize, a: f32, x: usize, count: usize): void {
  const factor = f32x4.splat(a);
  const whole = x + ((count & ~3) << 2);
  for (; x < whole; x += 16, y += 16) v128.store(y, madd(factor, v128.load(x), v128.load(y)));
  const rest = count & 3;
  if (rest) storeEnd(y, madd(factor, loadEnd(x, rest), loadEnd(y, rest)), rest);
}
