/** Norms of rows. Words: y, x, gain, bias, T, M, eps. */
import { address, real, take, word } from './command';
import { loadEnd, madd, storeEnd, sumLanes } from './lanes';

/** (x + shift) * factor * gain (+ bias) over one row */
// @ts-ignore: decorator
@inline
function apply(y: usize, x: usize, gain: usize, bias: usize, count: usize, shift: f32, factor: f32): void {
  const s = f32x4.splat(shift);
  const f = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = i << 2;
    const scaled = f32x4.mul(f32x4.mul(f32x4.add(v128.load(x + at), s), f), v128.load(gain + at));
    v128.store(y + at, bias ? f32x4.add(scaled, v128.load(bias + at)) : scaled);
  }
  const rest = count & 3;
  if (rest) {
    const at = whole << 2;
    const scaled = f32x4.mul(f32x4.mul(f32x4.add(loadEnd(x + at, rest), s), f), loadEnd(gain + at, rest));
    storeEnd(y + at, bias ? f32x4.add(scaled, loadEnd(bias + at, rest)) : scaled, rest);
  }
}

/** sum of (x + shift)^2 */
function squares(x: usize, count: usize, shift: f32): f32 {
  const s = f32x4.splat(shift);
  let sum = f32x4.splat(0);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const d = f32x4.add(v128.load(x + (i << 2)), s);
    sum = madd(d, d, sum);
  }
  let total = sumLanes(sum);
  for (let i = whole; i < count; i++) {
    const d = load<f32>(x + (i << 2)) + shift;
    total += d * d;
  }
  return total;
}

function sum(x: usize, count: usize): f32 {
  let sum = f32x4.splat(0);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) sum = f32x4.add(sum, v128.load(x + (i << 2)));
  if (count & 3) sum = f32x4.add(sum, loadEnd(x + (whole << 2), count & 3));
  return sumLanes(sum);
}

export function layerNorm(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const at = t * (count << 2);
    const x = address(args, 1) + at;
    const mean = sum(x, count) / <f32>count;
    const variance = squares(x, count, -mean) / <f32>count;
    const factor: f32 = 1 / sqrt<f32>(variance + real(args, 6));
    apply(address(args, 0) + at, x, address(args, 2), address(args, 3), count, -mean, factor);
  }
}

export function rmsNorm(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const at = t * (count << 2);
    const x = address(args, 1) + at;
    const factor: f32 = 1 / sqrt<f32>(squares(x, count, 0) / <f32>count + real(args, 6));
    apply(address(args, 0) + at, x, address(args, 2), 0, count, 0, factor);
  }
}
