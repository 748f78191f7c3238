/**
 * Rows into a pool of keys and values, in the formats that src/formats/key-values.ts defines. Words: pool, rows, at, how many rows, numbers of a row,
 * bytes of a row of the pool, numbers that share a scale.
 */
import { address, take, word } from './command';
import { loadEnd, TINY } from './lanes';

/** Numbers that are converted at once. */
const PIECE: u32 = 8192;

/** Rows of a piece. */
// @ts-ignore: decorator
@inline
function rowsOf(args: usize): u32 {
  return max(PIECE / max(word(args, 4), 1), 1);
}

/** Where row `n` goes. */
// @ts-ignore: decorator
@inline
function target(args: usize, n: u32): usize {
  return address(args, 0) + <usize>load<u32>(address(args, 2) + (n << 2)) * word(args, 5);
}

/** Halves, in the lower halves of the lanes. */
// @ts-ignore: decorator
@inline
function halves4(x: v128): v128 {
  const sign = i32x4.shr_u(v128.and(x, i32x4.splat(0x80000000)), 16);
  const magnitude = i32x4.min_u(v128.and(x, i32x4.splat(0x7fffffff)), i32x4.splat(0x477fe000)); // 65504
  // Subnormal halves count 2^-24, the last place of 0.5: the adder rounds.
  const small = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), f32x4.splat(0.5));
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const large = i32x4.shr_u(i32x4.add(i32x4.sub(magnitude, i32x4.splat(0x38000000 - 0xfff)), odd), 13);
  return v128.or(sign, v128.bitselect(small, large, i32x4.lt_u(magnitude, i32x4.splat(0x38800000))));
}

export function writeHalves(args: usize, part: u32, parts: u32): void {
  const rows = word(args, 3);
  const width = word(args, 4);
  const some = rowsOf(args);
  for (let first = take(args) * some; first < rows; first = take(args) * some) {
    for (let n = first; n < min(first + some, rows); n++) {
      let to = target(args, n);
      let from = address(args, 1) + <usize>n * (width << 2);
      let rest = width;
      for (; rest >= 4; rest -= 4, to += 8, from += 16) {
        const h = halves4(v128.load(from));
        v128.store64_lane(to, i16x8.narrow_i32x4_u(h, h), 0);
      }
      for (; rest > 0; rest--, to += 2, from += 4) {
        store<u16>(to, <u16>i32x4.extract_lane(halves4(v128.load32_zero(from)), 0));
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function codes4(x: v128, factor: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(x, factor)));
}

function writeRow(to: usize, from: usize, width: usize): void {
  const whole = width & ~3;
  const rest = width & 3;
  let largest = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(from + (i << 2))));
  if (rest) largest = f32x4.max(largest, f32x4.abs(loadEnd(from + (whole << 2), rest)));
  largest = f32x4.max(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  const most: f32 = max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
  const large = most >= TINY; // false for NaN
  store<f32>(to, large ? most / 127 : 0);
  const inverse: f32 = large ? 127 / most : 0;
  const factor = f32x4.splat(inverse);
  to += 4;
  for (let i: usize = 0; i < whole; i += 4) {
    const c = codes4(v128.load(from + (i << 2)), factor);
    const words = i16x8.narrow_i32x4_s(c, c);
    v128.store32_lane(to + i, i8x16.narrow_i16x8_s(words, words), 0);
  }
  for (let i = whole; i < width; i++) {
    store<i8>(to + i, <i8>i32x4.extract_lane(codes4(v128.load32_zero(from + (i << 2)), factor), 0));
  }
}

export function writeCodes(args: usize, part: u32, parts: u32): void {
  const rows = word(args, 3);
  const width = word(args, 6);
  const heads = word(args, 4) / max(width, 1);
  const some = rowsOf(args);
  for (let first = take(args) * some; first < rows; first = take(args) * some) {
    for (let n = first; n < min(first + some, rows); n++) {
      const from = address(args, 1) + <usize>(n * heads * width) * 4;
      for (let h: u32 = 0; h < heads; h++) {
        writeRow(target(args, n) + h * (width + 4), from + h * (width << 2), width);
      }
    }
  }
}
