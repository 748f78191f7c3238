/** Reading weights: every dense format becomes f32 lanes here and nowhere else. Codes of the formats as in ../encoders.ts. */
import { loadEnd } from './lanes';

export const F32: u32 = 0;
export const BF16: u32 = 1;
export const F16: u32 = 2;

/** Four bfloat16 numbers: the upper halves of f32. */
// @ts-ignore: decorator
@inline
export function bf16x4(at: usize): v128 {
  return i32x4.shl(v128.load16x4_u(at), 16);
}

/** Four finite halves. Multiplying by 2^112 moves the exponent and makes subnormal numbers normal. */
// @ts-ignore: decorator
@inline
export function f16x4(at: usize): v128 {
  return widenHalves(v128.load16x4_u(at));
}

// @ts-ignore: decorator
@inline
function widenHalves(h: v128): v128 {
  const magnitude = f32x4.mul(i32x4.shl(v128.and(h, i32x4.splat(0x7fff)), 13), f32x4.splat(5.192296858534828e33));
  return v128.or(magnitude, i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16));
}

/** The first `count` (1 to 3) 16-bit words at `at`, widened, and zeros. */
// @ts-ignore: decorator
@inline
function loadEnd16(at: usize, count: usize): v128 {
  let x = i32x4.replace_lane(i32x4.splat(0), 0, load<u16>(at));
  if (count > 1) x = i32x4.replace_lane(x, 1, load<u16>(at, 2));
  if (count > 2) x = i32x4.replace_lane(x, 2, load<u16>(at, 4));
  return x;
}

/** Four weights of the given format. */
// @ts-ignore: decorator
@inline
export function weights4(at: usize, format: u32): v128 {
  if (format == F32) return v128.load(at);
  return format == BF16 ? bf16x4(at) : f16x4(at);
}

/** The last 1 to 3 weights of a row, and zeros. */
// @ts-ignore: decorator
@inline
export function weightsEnd(at: usize, count: usize, format: u32): v128 {
  if (format == F32) return loadEnd(at, count);
  const raw = loadEnd16(at, count);
  return format == BF16 ? i32x4.shl(raw, 16) : widenHalves(raw);
}

/** Bytes of one weight, as a shift. */
// @ts-ignore: decorator
@inline
export function widthShift(format: u32): usize {
  return format == F32 ? 2 : 1;
}

/** `count` weights of one row as f32. */
export function widen(to: usize, from: usize, count: usize, format: u32): void {
  const shift = widthShift(format);
  const whole = to + ((count & ~3) << 2);
  for (; to < whole; to += 16, from += 4 << shift) v128.store(to, weights4(from, format));
  for (let rest = count & 3; rest > 0; rest--, to += 4, from += 1 << shift) {
    store<f32>(to, f32x4.extract_lane(weightsEnd(from, 1, format), 0));
  }
}
