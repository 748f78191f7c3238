/**
 * Reading weights: every dense format becomes f32 lanes here and nowhere else. A format is a type parameter, so that each gets loops of its
 * own: f32 for itself, u16 for bfloat16, i16 for IEEE halves. Codes of the formats as in ../encoders.ts.
 */
import { heldFloats, loadEnd } from './lanes';

export const F32: u32 = 0;
export const BF16: u32 = 1;
export const F16: u32 = 2;
export const Q8: u32 = 3;
export const Q4: u32 = 4;

/** 2^112: moves the exponent of a half to that of f32, and makes subnormal numbers normal. */
const TO_F32: f32 = 5.192296858534828e33;

/** The bits of a half that was carried down by three. */
const HALF_BITS: u32 = 0x8fffe000;

/**
 * Four halves in the upper halves of the lanes; finite. Their exponent is carried down to where that of f32 begins, and a mask takes away what the sign
 * left behind it, and what stood in the lower halves.
 */
// @ts-ignore: decorator
@inline
function widenF16(x: v128, mask: v128, factor: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shr_s(x, 3), mask), factor);
}

/** 16-bit weights in the upper halves of the lanes, with zeros below. A bfloat16 is the upper half of its f32. */
// @ts-ignore: decorator
@inline
function widened<T>(x: v128): v128 {
  return isSigned<T>() ? widenF16(x, i32x4.splat(HALF_BITS), f32x4.splat(TO_F32)) : x;
}

/** The first four of eight 16-bit weights. */
// @ts-ignore: decorator
@inline
export function lower<T>(x: v128): v128 {
  return widened<T>(v128.shuffle<u16>(i16x8.splat(0), x, 0, 8, 1, 9, 2, 10, 3, 11));
}

/** The last four of eight 16-bit weights. */
// @ts-ignore: decorator
@inline
export function upper<T>(x: v128): v128 {
  return widened<T>(v128.shuffle<u16>(i16x8.splat(0), x, 4, 12, 5, 13, 6, 14, 7, 15));
}

/** What `even` and `odd` need beside the weights, for use in a loop (`heldFloats`); `count` is the length of a row. */
// @ts-ignore: decorator
@inline
export function heldMask<T>(count: usize): v128 {
  return i32x4.splat((isSigned<T>() ? HALF_BITS : 0xffff0000) | <u32>(count >> 24));
}

// @ts-ignore: decorator
@inline
export function heldFactor(count: usize): v128 {
  return heldFloats(TO_F32, <u32>(count >> 8));
}

/** The even ones of eight 16-bit weights. */
// @ts-ignore: decorator
@inline
export function even<T>(x: v128, mask: v128, factor: v128): v128 {
  const raised = i32x4.shl(x, 16);
  return isSigned<T>() ? widenF16(raised, mask, factor) : raised;
}

/** The odd ones. */
// @ts-ignore: decorator
@inline
export function odd<T>(x: v128, mask: v128, factor: v128): v128 {
  return isSigned<T>() ? widenF16(x, mask, factor) : v128.and(x, mask);
}

/** Four weights. */
// @ts-ignore: decorator
@inline
export function weights4<T>(at: usize): v128 {
  if (sizeof<T>() == 4) return v128.load(at);
  return lower<T>(v128.load64_zero(at));
}

/** The last 1 to 3 weights of a row, and zeros. */
export function weightsEnd<T>(at: usize, count: usize): v128 {
  if (sizeof<T>() == 4) return loadEnd(at, count);
  let x = i32x4.replace_lane(i32x4.splat(0), 0, load<u16>(at));
  if (count > 1) x = i32x4.replace_lane(x, 1, load<u16>(at, 2));
  if (count > 2) x = i32x4.replace_lane(x, 2, load<u16>(at, 4));
  return widened<T>(i32x4.shl(x, 16));
}

/** Bytes of one weight, as a shift. */
// @ts-ignore: decorator
@inline
export function widthShift(format: u32): usize {
  return format == F32 ? 2 : 1;
}

/** `count` weights of one row as f32. */
export function widen<T>(to: usize, from: usize, count: usize): void {
  const whole = to + ((count & ~3) << 2);
  for (; to < whole; to += 16, from += 4 * sizeof<T>()) v128.store(to, weights4<T>(from));
  for (let rest = count & 3; rest > 0; rest--, to += 4, from += sizeof<T>()) {
    store<f32>(to, f32x4.extract_lane(weightsEnd<T>(from, 1), 0));
  }
}
