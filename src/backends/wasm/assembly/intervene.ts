/** Changes of activations, in pieces of some channels of a row: see ops/intervene.ts. */
import { address, take, word } from './command';
import { loadEnd, madd, storeEnd, sumLanes } from './lanes';

const ADD: u32 = 0;
const SCALE: u32 = 1;
const SET: u32 = 2;
const PROJECT: u32 = 3;

// @ts-ignore: decorator
@inline
function compute(kind: u32, x: v128, v: v128, by: v128): v128 {
  if (kind == SCALE) return f32x4.mul(by, x);
  if (kind == SET) {
    const all = f32x4.eq(by, f32x4.splat(1)); // then x does not count: it may be infinite
    return v128.bitselect(v, madd(by, f32x4.sub(v, x), x), all);
  }
  return madd(by, v, x);
}

/** x . v over the channels that are on: what the others hold counts for nothing, infinite or not. */
function along(x: usize, v: usize, on: usize, count: usize): f32 {
  let sum = f32x4.splat(0);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const mask = f32x4.ne(v128.load(on + (i << 2)), f32x4.splat(0));
    sum = madd(v128.and(v128.load(x + (i << 2)), mask), v128.and(v128.load(v + (i << 2)), mask), sum);
  }
  const rest = count - whole;
  if (rest) {
    const at = whole << 2;
    const mask = f32x4.ne(loadEnd(on + at, rest), f32x4.splat(0));
    sum = madd(v128.and(loadEnd(x + at, rest), mask), v128.and(loadEnd(v + at, rest), mask), sum);
  }
  return sumLanes(sum);
}

/** Some channels of a row. */
// @ts-ignore: decorator
@inline
function change(kind: u32, y: usize, x: usize, v: usize, on: usize, count: usize, strength: f32): void {
  const by = f32x4.splat(strength);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const at = i << 2;
    const old = v128.load(x + at);
    const made = compute(kind, old, kind == SCALE ? old : v128.load(v + at), by);
    v128.store(y + at, v128.bitselect(made, old, f32x4.ne(v128.load(on + at), f32x4.splat(0))));
  }
  const rest = count - whole;
  if (rest) {
    const at = whole << 2;
    const old = loadEnd(x + at, rest);
    const made = compute(kind, old, kind == SCALE ? old : loadEnd(v + at, rest), by);
    storeEnd(y + at, v128.bitselect(made, old, f32x4.ne(loadEnd(on + at, rest), f32x4.splat(0))), rest);
  }
}

/**
 * Words: y, x, by, channels, vector, T, W, numbers from one row's vector to the next (0: one for all), kind, channels of a group, channels of a
 * piece (whole groups).
 */
export function intervene(args: usize, part: u32, parts: u32): void {
  const count = word(args, 6);
  const kind = word(args, 8);
  const group = word(args, 9);
  const piece = word(args, 10);
  const perRow = (count + piece - 1) / piece;
  const neutral: f32 = kind == SCALE ? 1 : 0;
  for (let i = take(args); i < word(args, 5) * perRow; i = take(args)) {
    const row: usize = i / perRow;
    const first = (i % perRow) * piece;
    const some = min(piece, count - first);
    const at = (row * count + first) << 2;
    const y = address(args, 0) + at;
    const x = address(args, 1) + at;
    const by = load<f32>(address(args, 2) + (row << 2));
    const on = address(args, 3) + (first << 2);
    const v = address(args, 4) + ((row * word(args, 7) + first) << 2);
    if (by == neutral) memory.copy(y, x, some << 2);
    else if (kind == ADD) change(ADD, y, x, v, on, some, by);
    else if (kind == SCALE) change(SCALE, y, x, v, on, some, by);
    else if (kind == SET) change(SET, y, x, v, on, some, by);
    else {
      for (let g: usize = 0; g < some << 2; g += group << 2) {
        change(PROJECT, y + g, x + g, v + g, on + g, group, -by * along(x + g, v + g, on + g, group));
      }
    }
  }
}
