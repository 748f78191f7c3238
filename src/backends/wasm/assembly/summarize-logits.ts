/** Summaries of logits, a row at a time: see ops/summarize-logits.ts. Words: y, logits, targets or 0, n, V, J, A. */
import { address, take, word } from './command';
import { exp4 } from './lanes';

/** Adds four numbers to two sums in f64. */
// @ts-ignore: decorator
@inline
export function addTo(sum: v128, e: v128): v128 {
  const low = f64x2.promote_low_f32x4(e);
  const high = f64x2.promote_low_f32x4(v128.shuffle<i32>(e, e, 2, 3, 0, 1));
  return f64x2.add(sum, f64x2.add(low, high));
}

/** The largest of `count` numbers; NaN when there is one, or when it is not finite. */
export function largest(x: usize, count: usize): f32 {
  let most = f32x4.splat(-Infinity);
  const whole = count & ~3;
  let i: usize = 0;
  for (; i < whole; i += 4) most = f32x4.max(most, v128.load(x + (i << 2)));
  let max = Mathf.max(
    Mathf.max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    Mathf.max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  for (; i < count; i++) max = Mathf.max(max, load<f32>(x + (i << 2)));
  return Mathf.abs(max) < Infinity ? max : NaN;
}

/** sum exp(x - max), always added up in the same order. */
export function sumExp(x: usize, count: usize, max: f32): f64 {
  const shift = f32x4.splat(max);
  let sum0 = f64x2.splat(0);
  let sum1 = sum0;
  const whole = count & ~7;
  let i: usize = 0;
  for (; i < whole; i += 8) {
    const at = x + (i << 2);
    sum0 = addTo(sum0, exp4(f32x4.sub(v128.load(at), shift)));
    sum1 = addTo(sum1, exp4(f32x4.sub(v128.load(at, 16), shift)));
  }
  sum0 = f64x2.add(sum0, sum1);
  let sum = f64x2.extract_lane(sum0, 0) + f64x2.extract_lane(sum0, 1);
  for (; i < count; i++) {
    const e = exp4(f32x4.splat(load<f32>(x + (i << 2)) - max));
    sum += <f64>f32x4.extract_lane(e, 0);
  }
  return sum;
}

/** Puts a number behind those that are not smaller; `filled` places are in use, and the last falls out when all are. */
function insert(ids: usize, values: usize, filled: u32, top: u32, id: u32, value: f32): void {
  let place = filled < top ? filled : top - 1;
  while (place > 0 && load<f32>(values + 4 * (place - 1)) < value) {
    store<f32>(values + 4 * place, load<f32>(values + 4 * (place - 1)));
    store<f32>(ids + 4 * place, load<f32>(ids + 4 * (place - 1)));
    place--;
  }
  store<f32>(values + 4 * place, value);
  store<f32>(ids + 4 * place, <f32>id);
}

function findTop(ids: usize, values: usize, top: u32, x: usize, count: u32): void {
  let i: u32 = 0;
  for (; i < top; i++) insert(ids, values, i, top, i, load<f32>(x + 4 * i));
  const least = values + 4 * (top - 1);
  for (; i < count; ) {
    if (i + 4 <= count && !v128.any_true(f32x4.gt(v128.load(x + 4 * i), v128.load32_splat(least)))) {
      i += 4;
      continue;
    }
    const end = min(i + 4, count);
    for (; i < end; i++) {
      const value = load<f32>(x + 4 * i);
      if (value > load<f32>(least)) insert(ids, values, top, top, i, value);
    }
  }
}

export function summarizeLogits(args: usize, part: u32, parts: u32): void {
  const count = word(args, 4);
  const targets = word(args, 5);
  const top = word(args, 6);
  const columns = 3 + targets + 2 * top;
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const y = address(args, 0) + t * columns * 4;
    const x = address(args, 1) + t * count * 4;
    const max = largest(x, count);
    const sum = sumExp(x, count, max);
    const high = <f32>sum;
    store<f32>(y, max);
    store<f32>(y, high, 4);
    store<f32>(y, <f32>(sum - <f64>high), 8);
    const wanted = address(args, 2) + t * targets * 4;
    for (let j: u32 = 0; j < targets; j++) {
      store<f32>(y + 4 * j, load<f32>(x + 4 * load<u32>(wanted + 4 * j)), 12);
    }
    const ids = y + 12 + 4 * targets;
    if (top > 0) findTop(ids, ids + 4 * top, top, x, count);
  }
}

/** Natural logarithm of a finite number from 2^-1000 on, within 1 unit of the last place (fdlibm, e_log.c). The one of the language needs tables in memory. */
export function logOf(x: f64): f64 {
  if (!(x < Infinity)) return x;
  // x = (1 + f) 2^k with 1 + f in [sqrt(1/2), sqrt(2))
  const shifted = reinterpret<u64>(x) + (0x3ff0000000000000 - 0x3fe6a09e667f3bcd);
  const k = <f64>(<i32>(shifted >> 52) - 1023);
  const f = reinterpret<f64>((shifted & 0x000fffffffffffff) + 0x3fe6a09e667f3bcd) - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const odd = z * (6.666666666666735130e-1 + w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const half = 0.5 * f * f;
  return k * 6.93147180369123816490e-1 - (half - (s * (half + (even + odd)) + k * 1.90821492927058770002e-10) - f);
}
