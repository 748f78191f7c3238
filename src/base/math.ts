/**
 * exp, log, log1p, tanh, pow, sin and cos with the same bits in every JavaScript engine. ECMAScript leaves the last bits of `Math.exp` and
 * its like to the engine, and engines change theirs; sums, products and quotients of doubles are exact by the standard (IEEE 754).
 * Whatever becomes part of a result uses these functions. Methods: argument reduction, then a Taylor polynomial (J.-M. Muller, "Elementary
 * Functions", 2016, chapters 5 and 11). Errors, in units in the last place, are those that tests/math.test.ts measures.
 */

/** ln 2 and pi/2 in parts: all but the last have so few bits that their products with the counts used here are exact. */
const LN2_HIGH = 0.6931471803691238; // 32 bits
const LN2_LOW = 1.9082149292705877e-10;
const HALF_PI_HIGH = 1.570796325802803; // 27 bits
const HALF_PI_MIDDLE = 9.920935739593517e-10; // 27 bits
const HALF_PI_LOW = 5.721188726109832e-18;

const TURNS_PER_RADIAN = 0.6366197723675814; // quarter turns: 2 / pi

/** Quarter turns beyond which the reduction of angles is not exact. */
const MAX_QUARTER_TURNS = 2 ** 26;

const MIN_EXPONENT = -1074; // of the smallest double above 0
const MAX_EXPONENT = 1023;

/** 2^k, from k = MIN_EXPONENT on; halving and doubling are exact. */
const POWERS_OF_2 = new Float64Array(MAX_EXPONENT - MIN_EXPONENT + 1);
POWERS_OF_2[-MIN_EXPONENT] = 1;
for (let k = -MIN_EXPONENT; k > 0; k--) POWERS_OF_2[k - 1] = (POWERS_OF_2[k] as number) / 2;
for (let k = -MIN_EXPONENT + 1; k < POWERS_OF_2.length; k++) POWERS_OF_2[k] = (POWERS_OF_2[k - 1] as number) * 2;

const powerOf2 = (k: number): number => POWERS_OF_2[k - MIN_EXPONENT] as number;

/** e^x, within 1 unit in the last place. 0 below -745.2, Infinity above 709.8. */
export function exp(x: number): number {
  if (!(x > -746)) return Number.isNaN(x) ? x : 0;
  if (x > 710) return Number.POSITIVE_INFINITY;
  const k = Math.round(x * Math.LOG2E);
  const high = x - k * LN2_HIGH;
  const low = k * LN2_LOW;
  const r = high - low; // |r| <= ln 2 / 2
  const tail =
    r *
    r *
    (1 / 2 +
      r *
        (1 / 6 +
          r *
            (1 / 24 +
              r *
                (1 / 120 +
                  r *
                    (1 / 720 +
                      r *
                        (1 / 5040 +
                          r *
                            (1 / 40320 +
                              r *
                                (1 / 362880 +
                                  r * (1 / 3628800 + r * (1 / 39916800 + r * (1 / 479001600 + r / 6227020800)))))))))));
  const y = 1 + (high + (tail - low));
  if (k > MAX_EXPONENT) return y * 2 * powerOf2(MAX_EXPONENT);
  return k < MIN_EXPONENT ? (y / 2) * powerOf2(MIN_EXPONENT) : y * powerOf2(k); // rounds once, also where the result is subnormal
}

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer); // the low word first: WebAssembly wants machines to be little-endian too

/** Natural logarithm, within 1 unit in the last place; -Infinity for 0, NaN below 0. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  let k = 0;
  double[0] = x;
  if (x < 2.2250738585072014e-308) {
    double[0] = x * 2 ** 54; // subnormal numbers have no leading one
    k = -54;
  }
  const top = words[1] as number;
  k += (top >>> 20) - 1023;
  words[1] = (top & 0xfffff) | 0x3ff00000;
  let m = double[0] as number; // 1 <= m < 2
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  // log m = 2 artanh s = 2 s + s (2/3 s^2 + 2/5 s^4 + ...), with s = f / (2 + f); 2 s = f - s f
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s; // |s| <= 0.1716
  const series =
    z *
    (2 / 3 +
      z *
        (2 / 5 +
          z *
            (2 / 7 +
              z * (2 / 9 + z * (2 / 11 + z * (2 / 13 + z * (2 / 15 + z * (2 / 17 + z * (2 / 19 + z * (2 / 21))))))))));
  const half = (f * f) / 2; // 2 s + s series = f - (half - s (half + series)), whose large parts are exact
  return k * LN2_HIGH - (half - (s * (half + series) + k * LN2_LOW) - f);
}

/** log(1 + x), within 3 units in the last place also near 0. */
export function log1p(x: number): number {
  const sum = 1 + x;
  const kept = sum - 1; // what of x the sum holds; log(sum) / kept is as near to 1 as log1p(x) / x
  return kept === 0 || sum === Number.POSITIVE_INFINITY ? x : log(sum) * (x / kept);
}

/** Hyperbolic tangent; absolute error below 2^-52. */
export function tanh(x: number): number {
  return 1 - 2 / (exp(2 * x) + 1);
}

/** x^y for x > 0: relative error below 2^-52 (2 + |y log x|). */
export function pow(x: number, y: number): number {
  return exp(y * log(x));
}

/** Sine of an angle in radians, |x| < 10^8, within 1 unit in the last place; NaN beyond. */
export function sin(x: number): number {
  return sineOf(x, 0);
}

/** Cosine of an angle in radians, |x| < 10^8, within 1 unit in the last place; NaN beyond. */
export function cos(x: number): number {
  return sineOf(x, 1);
}

/** sin(x + turns * pi/2), for turns 0 or 1. */
function sineOf(x: number, turns: 0 | 1): number {
  const n = Math.round(x * TURNS_PER_RADIAN);
  if (!(n < MAX_QUARTER_TURNS && n > -MAX_QUARTER_TURNS)) return Number.NaN;
  const first = x - n * HALF_PI_HIGH; // exact
  const second = n * HALF_PI_MIDDLE; // exact
  const near = first - second;
  const rest = first - near - second - n * HALF_PI_LOW;
  const r = near + rest; // |r| <= pi/4, to be read together with
  const low = near - r + rest;
  switch ((n + turns) & 3) {
    case 0:
      return sineNear0(r, low);
    case 1:
      return cosineNear0(r, low);
    case 2:
      return -sineNear0(r, low);
    default:
      return -cosineNear0(r, low);
  }
}

/** sin(r + low), |r| <= pi/4. */
function sineNear0(r: number, low: number): number {
  const z = r * r;
  const tail =
    -1 / 6 +
    z *
      (1 / 120 +
        z *
          (-1 / 5040 +
            z *
              (1 / 362880 +
                z * (-1 / 39916800 + z * (1 / 6227020800 + z * (-1 / 1307674368000 + z / 355687428096000))))));
  return r + (r * z * tail + low * (1 - z / 2));
}

/** cos(r + low), |r| <= pi/4. */
function cosineNear0(r: number, low: number): number {
  const z = r * r;
  const tail =
    z *
    z *
    (1 / 24 +
      z *
        (-1 / 720 +
          z * (1 / 40320 + z * (-1 / 3628800 + z * (1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000))))));
  const half = z / 2;
  const one = 1 - half;
  return one + (1 - one - half + (tail - r * low));
}
