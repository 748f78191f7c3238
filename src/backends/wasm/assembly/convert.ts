/** Numbers in another type, in pieces of the flat array. Words: y, x, count. */
import { address, take, word } from './command';

const PIECE: u32 = 8192;

/** Rounds half to even; NaN stays NaN. */
// @ts-ignore: decorator
@inline
function rounded(bits: u32): u32 {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >> 16) | 0x40;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

// @ts-ignore: decorator
@inline
function rounded4(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const near = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
  const isNaN = f32x4.ne(x, x);
  return v128.bitselect(v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40)), near, isNaN);
}

export function toBf16(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const count = word(args, 2);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const end = min(first + PIECE, count);
    let i = first;
    for (; i + 8 <= end; i += 8) {
      const low = rounded4(v128.load(x + (i << 2)));
      const high = rounded4(v128.load(x + (i << 2), 16));
      v128.store(y + (i << 1), i16x8.narrow_i32x4_u(low, high));
    }
    for (; i < end; i++) store<u16>(y + (i << 1), <u16>rounded(load<u32>(x + (i << 2))));
  }
}

export function fromBf16(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const count = word(args, 2);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const end = min(first + PIECE, count);
    let i = first;
    for (; i + 4 <= end; i += 4) {
      v128.store(y + (i << 2), i32x4.shl(v128.load16x4_u(x + (i << 1)), 16));
    }
    for (; i < end; i++) store<u32>(y + (i << 2), <u32>load<u16>(x + (i << 1)) << 16);
  }
}
