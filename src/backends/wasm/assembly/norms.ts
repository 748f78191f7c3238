/** Norms of rows, in pieces of one token. Words: y, x, gain, bias, T, M, eps. */
import { loadEnd, madd, storeEnd, sumLanes } from './lanes';

/** (x + shift) * factor * gain (+ bias) over one row */
// @ts-ignore: decorator
@inline
export function apply(y: usize, x: usize, gain: usize, bias: usize, count: usize, shift: f32, factor: f32): void {
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

/** sum of (x + shift)^2, in four sums side by side: one alone would wait for itself. */
export function squares(x: usize, count: usize, shift: f32): f32 {
  const s = f32x4.splat(shift);
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  let i: usize = 0;
  for (; i + 16 <= count; i += 16) {
    const at = x + (i << 2);
    const d0 = f32x4.add(v128.load(at), s);
    const d1 = f32x4.add(v128.load(at, 16), s);
    const d2 = f32x4.add(v128.load(at, 32), s);
    const d3 = f32x4.add(v128.load(at, 48), s);
    sum0 = madd(d0, d0, sum0);
    sum1 = madd(d1, d1, sum1);
    sum2 = madd(d2, d2, sum2);
    sum3 = madd(d3, d3, sum3);
  }
  for (; i + 4 <= count; i += 4) {
    const d = f32x4.add(v128.load(x + (i << 2)), s);
    sum0 = madd(d, d, sum0);
  }
  let total = sumLanes(f32x4.add(f32x4.add(sum0, sum2), f32x4.add(sum1, sum3)));
  for (; i < count; i++) {
    const d = load<f32>(x + (i << 2)) + shift;
    total += d * d;
  }
  return total;
}

export function sum(x: usize, count: usize): f32 {
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  let sum2 = sum0;
  let sum3 = sum0;
  let i: usize = 0;
  for (; i + 16 <= count; i += 16) {
    const at = x + (i << 2);
    sum0 = f32x4.add(sum0, v128.load(at));
    sum1 = f32x4.add(sum1, v128.load(at, 16));
    sum2 = f32x4.add(sum2, v128.load(at, 32));
    sum3 = f32x4.add(sum3, v128.load(at, 48));
  }
  for (; i + 4 <= count; i += 4) sum0 = f32x4.add(sum0, v128.load(x + (i << 2)));
  if (i < count) sum0 = f32x4.add(sum0, loadEnd(x + (i << 2), count - i));
  return sumLanes(f32x4.add(f32x4.add(sum0, sum2), f32x4.add(sum1, sum3)));
}
