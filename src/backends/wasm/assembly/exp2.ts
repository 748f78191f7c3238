/**
 * Powers of two for loops in which exponentials are the main cost. `exp4` of lanes.ts takes any number; this takes none beyond 127, and
 * about half as many instructions.
 */
import { madd } from './lanes';

/** Below this, 2^x is no normal number. */
export const LOWEST: f32 = -126;

/** 1.5 * 2^23: a number this large has no digits behind the point, so adding it rounds, and its lowest bits are the integer. */
export const ROUNDER: f32 = 12582912;

// 2^r for |r| <= 1/2 as 1 + C1 r + .. + C5 r^5, relative error below 9.2e-8 (a fit by iteratively reweighted least squares)
export const C1: f32 = 0.6931469775987841;
export const C2: f32 = 0.2402224208474389;
export const C3: f32 = 0.055507337435234144;
export const C4: f32 = 0.009671512681040016;
export const C5: f32 = 0.0013264727241219486;

/**
 * 2^x within 1.5 units of the last place, for x up to 127; 2^-126 for all x below -126, NaN for NaN. Numbers beyond 127 give nonsense.
 * The other parameters are LOWEST, ROUNDER, C1 to C5 and 1, held.
 */
// @ts-ignore: decorator
@inline
export function exp2(x: v128, low: v128, round: v128, c1: v128, c2: v128, c3: v128, c4: v128, c5: v128, one: v128): v128 {
  const y = f32x4.pmax(x, low);
  const rounded = f32x4.add(y, round);
  const r = f32x4.sub(y, f32x4.sub(rounded, round));
  let p = madd(c5, r, c4);
  p = madd(p, r, c3);
  p = madd(p, r, c2);
  p = madd(p, r, c1);
  p = madd(p, r, one);
  return i32x4.add(p, i32x4.shl(rounded, 23));
}
