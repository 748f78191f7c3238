/**
 * exp and log rounded to the nearest double in all but about 1 of 10^12 cases: computed with two doubles for each number (T. J. Dekker, "A
 * floating-point technique for extending the available precision", 1971). That is what the C library of Linux returns in 999 of 1,000 cases,
 * so that metrics have the last digits of those that Python computes. About 20 times slower than src/base/math.ts, which is within 1 unit.
 */
import { exp as nearExp, log as nearLog } from '../../base/math.ts';

/** ln 2 in three parts: the products of the first two with whole numbers up to 2^11 are exact. */
const LN2 = [0.6931471803691238, 1.9082149288430703e-10, 4.275175589747649e-20] as const;

/** high + low, |low| at most half a unit of high. */
type Pair = readonly [high: number, low: number];

function sum(a: number, b: number): Pair {
  const high = a + b;
  const part = high - a;
  return [high, a - (high - part) + (b - part)];
}

/** Of doubles that are far from overflow. */
function product(a: number, b: number): Pair {
  const high = a * b;
  const [ah, bh] = [topHalf(a), topHalf(b)];
  const [al, bl] = [a - ah, b - bh];
  return [high, al * bl - (high - ah * bh - al * bh - ah * bl)];
}

function topHalf(a: number): number {
  const big = a * 134217729; // 2^27 + 1
  return big - (big - a);
}

const TERMS = 27; // (ln 2 / 2)^27 / 27! is below 2^-134

/** e^r, |r| <= ln 2 / 2: 1 + r (1 + r/2 (1 + r/3 (...))). */
function powerOf([high, low]: Pair): Pair {
  let of: Pair = [1, 0];
  for (let n = TERMS; n > 0; n--) {
    const [p, rest] = product(high, of[0]);
    const error = rest + high * of[1] + low * of[0];
    const quotient = p / n;
    const [back, backRest] = product(quotient, n);
    const [whole, lost] = sum(1, quotient);
    of = sum(whole, lost + (p - back - backRest + error) / n);
  }
  return of;
}

/** e^x. */
export function exp(x: number): number {
  const near = nearExp(x);
  if (!(near > 2.3e-308 && near < 1e308)) return near; // also 0, Infinity and NaN
  const k = Math.round(x * Math.LOG2E);
  const [a, b] = sum(x - k * LN2[0], -k * LN2[1]);
  const [high, low] = powerOf(sum(a, b - k * LN2[2]));
  return (high + low) * 2 ** Math.trunc(k / 2) * 2 ** (k - Math.trunc(k / 2));
}

/** Natural logarithm: one step of Newton from a value that is within 1 unit. */
export function log(x: number): number {
  const near = nearLog(x);
  if (!(x > 1e-300 && x < 1e300)) return near;
  const k = Math.round(near * Math.LOG2E);
  const [a, b] = sum(near - k * LN2[0], -k * LN2[1]);
  const [high, low] = powerOf(sum(a, b - k * LN2[2]));
  const scaled = x * 2 ** -Math.trunc(k / 2) * 2 ** -(k - Math.trunc(k / 2));
  return near + (scaled - high - low) / high;
}
