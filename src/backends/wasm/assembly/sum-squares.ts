/** Sums of all numbers of a tensor in 64 parts, each in f64. */
import { address, take, word } from './command';

/** ops/sum-squares.ts knows it too. */
const PARTS: u32 = 64;

// @ts-ignore: decorator
@inline
function term(x: v128, squared: bool): v128 {
  return squared ? f64x2.mul(x, x) : f64x2.abs(x);
}

/** Sum of the squares, or else of the absolute values, of part `i` of `count` numbers. */
// @ts-ignore: decorator
@inline
function sumPart(x: usize, count: u32, i: u32, squared: bool): f64 {
  const run = (count + PARTS - 1) / PARTS;
  const first = min(i * run, count);
  const end = min(first + run, count);
  let even = f64x2.splat(0);
  let odd = even;
  let n = first;
  for (; n + 4 <= end; n += 4) {
    const at = x + (<usize>n << 2);
    even = f64x2.add(even, term(f64x2.promote_low_f32x4(v128.load64_zero(at)), squared));
    odd = f64x2.add(odd, term(f64x2.promote_low_f32x4(v128.load64_zero(at, 8)), squared));
  }
  even = f64x2.add(even, odd);
  let sum = f64x2.extract_lane(even, 0) + f64x2.extract_lane(even, 1);
  for (; n < end; n++) {
    const value = <f64>load<f32>(x + (<usize>n << 2));
    sum += squared ? value * value : abs(value);
  }
  return sum;
}

/** Words: y [64], x, count. */
export function sumSquares(args: usize, part: u32, parts: u32): void {
  for (let i = take(args); i < PARTS; i = take(args)) {
    store<f32>(address(args, 0) + (i << 2), <f32>sumPart(address(args, 1), word(args, 2), i, true));
  }
}

/** Sums of absolute values, kept in f64. Words: sums [64], x, count. */
export function sumSizes(args: usize, part: u32, parts: u32): void {
  for (let i = take(args); i < PARTS; i = take(args)) {
    store<f64>(address(args, 0) + (i << 3), sumPart(address(args, 1), word(args, 2), i, false));
  }
}

/** Their mean. */
export function meanOfSizes(sums: usize, count: u32): f32 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < PARTS; i++) sum += load<f64>(sums + (i << 3));
  return <f32>(sum / <f64>count);
}
