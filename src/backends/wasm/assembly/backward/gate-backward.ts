/** Backward of the gate, in pieces of the flat array. Words: dg, du, g, u, dy, count. */
import { address, take, word } from '../command';
import { exp4, loadEnd, storeEnd } from '../lanes';

const PIECE: u32 = 4096;

/** activation(g) */
// @ts-ignore: decorator
@inline
export function value(silu: bool, g: v128, s: v128): v128 {
  return silu ? f32x4.mul(g, s) : f32x4.mul(s, s);
}

/** activation'(g): for silu s (1 + g (1 - s)), where 1 - s = e s without cancellation; for relu2 2 s. */
// @ts-ignore: decorator
@inline
export function slope(silu: bool, g: v128, s: v128, e: v128): v128 {
  const one = f32x4.splat(1);
  return silu ? f32x4.mul(s, f32x4.add(one, f32x4.mul(g, f32x4.mul(e, s)))) : f32x4.add(s, s);
}

/** e^-g for silu. */
// @ts-ignore: decorator
@inline
export function power(silu: bool, g: v128): v128 {
  return silu ? exp4(f32x4.neg(g)) : g;
}

/** 1 / (1 + e^-g) for silu, max(g, 0) for relu2. */
// @ts-ignore: decorator
@inline
export function inner(silu: bool, e: v128): v128 {
  return silu ? f32x4.div(f32x4.splat(1), f32x4.add(e, f32x4.splat(1))) : f32x4.max(e, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
function each(args: usize, silu: bool): void {
  const toG = address(args, 0);
  const toU = address(args, 1);
  const gs = address(args, 2);
  const us = address(args, 3);
  const dys = address(args, 4);
  const count = word(args, 5);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const end = min(first + PIECE, count);
    for (let i = first; i < end; i += 4) {
      const at: usize = i << 2;
      const rest = end - i;
      const whole = rest >= 4;
      const g = whole ? v128.load(gs + at) : loadEnd(gs + at, rest);
      const u = whole ? v128.load(us + at) : loadEnd(us + at, rest);
      const dy = whole ? v128.load(dys + at) : loadEnd(dys + at, rest);
      const e = power(silu, g);
      const s = inner(silu, e);
      const dg = f32x4.mul(f32x4.mul(dy, u), slope(silu, g, s, e));
      const du = f32x4.mul(dy, value(silu, g, s));
      if (whole) {
        v128.store(toG + at, dg);
        v128.store(toU + at, du);
      } else {
        storeEnd(toG + at, dg, rest);
        storeEnd(toU + at, du, rest);
      }
    }
  }
}

export function gateBackwardSilu(args: usize, part: u32, parts: u32): void {
  each(args, true);
}
export function gateBackwardRelu2(args: usize, part: u32, parts: u32): void {
  each(args, false);
}
