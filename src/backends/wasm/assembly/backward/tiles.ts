/**
 * Sums of products for a tile of six rows and sixteen columns: the inner loops of the products of the backward pass (products.ts). `a` has, for each turn, the factors
 * of the six rows, and `b` the sixteen numbers that they multiply; those of the next turn lie `aStep` and `bStep` bytes further. Each output is one chain of sums, in the
 * order of the turns.
 *
 * The 24 sums of a tile are twelve vectors of 256 bits, which fit into registers, with those that a turn loads. Registers of 128 bits hold eight sums with the loads of a
 * turn, which some engines move to its begin: the tile then goes in three parts. All sums of a row follow the load of its factor: with the columns in the outer order, V8
 * keeps all factors in registers, and sums in memory.
 */
import { madd } from '../lanes';

/** Rows of a tile. */
export const TILE: u32 = 6;

/** Stores the sums of a row of sixteen columns, or with `half` of eight, added to what is there with `more`. */
// @ts-ignore: decorator
@inline
function finish(c: usize, more: bool, half: bool, s0: v128, s1: v128, s2: v128, s3: v128): void {
  if (more) {
    s0 = f32x4.add(v128.load(c), s0);
    s1 = f32x4.add(v128.load(c, 16), s1);
    if (!half) s2 = f32x4.add(v128.load(c, 32), s2);
    if (!half) s3 = f32x4.add(v128.load(c, 48), s3);
  }
  v128.store(c, s0);
  v128.store(c, s1, 16);
  if (half) return;
  v128.store(c, s2, 32);
  v128.store(c, s3, 48);
}

/**
 * Sums of `rows` rows, 2, 4 or 6, and sixteen columns, or with `half` eight. Both are written as constants by the callers, for which the compiler leaves out the
 * other rows and columns.
 */
// @ts-ignore: decorator
@inline
function sums(rows: u32, half: bool, c: usize, stride: usize, more: bool, a: usize, aStep: usize, b: usize, bStep: usize, end: usize): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  let c3 = a0;
  let d0 = a0;
  let d1 = a0;
  let d2 = a0;
  let d3 = a0;
  let e0 = a0;
  let e1 = a0;
  let e2 = a0;
  let e3 = a0;
  let f0 = a0;
  let f1 = a0;
  let f2 = a0;
  let f3 = a0;
  for (; b < end; b += bStep, a += aStep) {
    const p = v128.load(b);
    const q = v128.load(b, 16);
    const r = half ? p : v128.load(b, 32);
    const s = half ? q : v128.load(b, 48);
    let x = v128.load32_splat(a);
    a0 = madd(x, p, a0);
    a1 = madd(x, q, a1);
    if (!half) a2 = madd(x, r, a2);
    if (!half) a3 = madd(x, s, a3);
    x = v128.load32_splat(a, 4);
    b0 = madd(x, p, b0);
    b1 = madd(x, q, b1);
    if (!half) b2 = madd(x, r, b2);
    if (!half) b3 = madd(x, s, b3);
    if (rows > 2) {
      x = v128.load32_splat(a, 8);
      c0 = madd(x, p, c0);
      c1 = madd(x, q, c1);
      if (!half) c2 = madd(x, r, c2);
      if (!half) c3 = madd(x, s, c3);
      x = v128.load32_splat(a, 12);
      d0 = madd(x, p, d0);
      d1 = madd(x, q, d1);
      if (!half) d2 = madd(x, r, d2);
      if (!half) d3 = madd(x, s, d3);
    }
    if (rows > 4) {
      x = v128.load32_splat(a, 16);
      e0 = madd(x, p, e0);
      e1 = madd(x, q, e1);
      if (!half) e2 = madd(x, r, e2);
      if (!half) e3 = madd(x, s, e3);
      x = v128.load32_splat(a, 20);
      f0 = madd(x, p, f0);
      f1 = madd(x, q, f1);
      if (!half) f2 = madd(x, r, f2);
      if (!half) f3 = madd(x, s, f3);
    }
  }
  finish(c, more, half, a0, a1, a2, a3);
  c += stride;
  finish(c, more, half, b0, b1, b2, b3);
  if (rows == 2) return;
  c += stride;
  finish(c, more, half, c0, c1, c2, c3);
  c += stride;
  finish(c, more, half, d0, d1, d2, d3);
  if (rows == 4) return;
  c += stride;
  finish(c, more, half, e0, e1, e2, e3);
  c += stride;
  finish(c, more, half, f0, f1, f2, f3);
}

/** Six rows, and sixteen columns, for registers of 256 bits. */
function allRows(c: usize, stride: usize, more: bool, a: usize, aStep: usize, b: usize, bStep: usize, end: usize): void {
  sums(6, false, c, stride, more, a, aStep, b, bStep, end);
}

/** Four rows, and eight columns. */
function fourRows(c: usize, stride: usize, more: bool, a: usize, aStep: usize, b: usize, bStep: usize, end: usize): void {
  sums(4, true, c, stride, more, a, aStep, b, bStep, end);
}

/** Two rows, and sixteen columns. */
function twoRows(c: usize, stride: usize, more: bool, a: usize, aStep: usize, b: usize, bStep: usize, end: usize): void {
  sums(2, false, c, stride, more, a, aStep, b, bStep, end);
}

/** Sums of `turns` products, or with `more` added to what is at `c`, where rows lie `stride` bytes apart. `bits`: those of a register. */
export function addTile(c: usize, stride: usize, more: bool, a: usize, aStep: usize, b: usize, bStep: usize, turns: u32, bits: u32): void {
  const end = b + turns * bStep;
  if (bits == 256) return allRows(c, stride, more, a, aStep, b, bStep, end);
  fourRows(c, stride, more, a, aStep, b, bStep, end);
  fourRows(c + 32, stride, more, a, aStep, b + 32, bStep, end + 32);
  twoRows(c + 4 * stride, stride, more, a + 16, aStep, b, bStep, end);
}
