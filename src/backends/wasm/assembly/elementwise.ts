/** Ops on one number at a time, in pieces of the flat array. Words: y, x, second input, count, factor, activation. */
import { address, real, take, word } from './command';
import { exp4, loadEnd, log4, madd, silu4, storeEnd } from './lanes';

/** Numbers of one piece: some microseconds of work, so that threads share what a single token needs too. */
const LEAST: u32 = 1024;
const MOST: u32 = 8192;

const ADD: u32 = 0;
const SCALE: u32 = 1;
const GELU: u32 = 2;
const SOFTPLUS: u32 = 3;
const NEG_EXP: u32 = 4;
const SILU_GATE: u32 = 5;
const RELU2_GATE: u32 = 6;
const MULTIPLY: u32 = 7;
const GELU_BACKWARD: u32 = 8;
const SOFTPLUS_BACKWARD: u32 = 9;

// @ts-ignore: decorator
@inline
function compute(op: u32, x: v128, second: v128, by: v128): v128 {
  if (op == ADD) return madd(by, second, x);
  if (op == SCALE) return f32x4.mul(by, x);
  if (op == GELU) {
    // 0.5 (1 + tanh u) = 1 / (1 + e^-2u)
    const cube = f32x4.mul(f32x4.mul(x, x), x);
    const u = f32x4.mul(madd(cube, f32x4.splat(0.044715), x), f32x4.splat(-2 * 0.7978845608028654));
    return f32x4.div(x, f32x4.add(exp4(u), f32x4.splat(1)));
  }
  if (op == SOFTPLUS) {
    // log(1 + e), where the rounding of 1 + e is made good by the factor e / ((1 + e) - 1)
    const e = exp4(x);
    const u = f32x4.add(e, f32x4.splat(1));
    const d = f32x4.sub(u, f32x4.splat(1));
    const tiny = f32x4.eq(d, f32x4.splat(0));
    const value = v128.bitselect(e, f32x4.mul(log4(u), f32x4.div(e, d)), tiny);
    return v128.bitselect(x, value, f32x4.gt(x, f32x4.splat(20)));
  }
  if (op == NEG_EXP) return f32x4.neg(exp4(x));
  if (op == MULTIPLY) return f32x4.mul(x, second);
  if (op == GELU_BACKWARD) {
    // x s(u) with s = 1 / (1 + e), e = e^-2u: s + 2 x u' s (1 - s), where 1 - s = e s without cancellation
    const square = f32x4.mul(x, x);
    const u = f32x4.mul(madd(f32x4.mul(square, x), f32x4.splat(0.044715), x), f32x4.splat(-2 * 0.7978845608028654));
    const e = exp4(u);
    const s = f32x4.div(f32x4.splat(1), f32x4.add(e, f32x4.splat(1)));
    const slope = madd(square, f32x4.splat(2 * 3 * 0.044715 * 0.7978845608028654), f32x4.splat(2 * 0.7978845608028654));
    return f32x4.mul(second, madd(f32x4.mul(x, slope), f32x4.mul(f32x4.mul(e, s), s), s));
  }
  if (op == SOFTPLUS_BACKWARD) {
    const value = f32x4.div(second, f32x4.add(exp4(f32x4.neg(x)), f32x4.splat(1)));
    return v128.bitselect(second, value, f32x4.gt(x, f32x4.splat(20)));
  }
  if (op == SILU_GATE) return f32x4.mul(silu4(x), second);
  const positive = f32x4.max(x, f32x4.splat(0));
  return f32x4.mul(f32x4.mul(positive, positive), second);
}

// @ts-ignore: decorator
@inline
function each(args: usize, parts: u32, op: u32, two: bool): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const second = address(args, 2);
  const count = word(args, 3);
  const by = f32x4.splat(real(args, 4));
  const piece = max(LEAST, min(MOST, (count / (4 * parts)) & ~15));
  for (let first = take(args) * piece; first < count; first = take(args) * piece) {
    const end = min(first + piece, count);
    let i = first;
    // Four vectors in a turn: engines make the constants of the functions anew in each.
    for (; i + 16 <= end; i += 16) {
      const at: usize = i << 2;
      const y0 = compute(op, v128.load(x + at), two ? v128.load(second + at) : by, by);
      const y1 = compute(op, v128.load(x + at, 16), two ? v128.load(second + at, 16) : by, by);
      const y2 = compute(op, v128.load(x + at, 32), two ? v128.load(second + at, 32) : by, by);
      const y3 = compute(op, v128.load(x + at, 48), two ? v128.load(second + at, 48) : by, by);
      v128.store(y + at, y0);
      v128.store(y + at, y1, 16);
      v128.store(y + at, y2, 32);
      v128.store(y + at, y3, 48);
    }
    for (; i + 4 <= end; i += 4) {
      const at: usize = i << 2;
      v128.store(y + at, compute(op, v128.load(x + at), two ? v128.load(second + at) : by, by));
    }
    const rest = end - i;
    if (rest) {
      const at: usize = i << 2;
      storeEnd(y + at, compute(op, loadEnd(x + at, rest), two ? loadEnd(second + at, rest) : by, by), rest);
    }
  }
}

export function add(args: usize, part: u32, parts: u32): void {
  each(args, parts, ADD, true);
}
export function scale(args: usize, part: u32, parts: u32): void {
  each(args, parts, SCALE, false);
}
export function gelu(args: usize, part: u32, parts: u32): void {
  each(args, parts, GELU, false);
}
export function softplus(args: usize, part: u32, parts: u32): void {
  each(args, parts, SOFTPLUS, false);
}
export function negExp(args: usize, part: u32, parts: u32): void {
  each(args, parts, NEG_EXP, false);
}
export function gateSilu(args: usize, part: u32, parts: u32): void {
  each(args, parts, SILU_GATE, true);
}
export function gateRelu2(args: usize, part: u32, parts: u32): void {
  each(args, parts, RELU2_GATE, true);
}
export function multiply(args: usize, part: u32, parts: u32): void {
  each(args, parts, MULTIPLY, true);
}
export function geluBackward(args: usize, part: u32, parts: u32): void {
  each(args, parts, GELU_BACKWARD, true);
}
export function softplusBackward(args: usize, part: u32, parts: u32): void {
  each(args, parts, SOFTPLUS_BACKWARD, true);
}
