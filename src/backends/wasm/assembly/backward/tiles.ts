/**
 * Sums of products for a tile of three or six rows and sixteen columns: the inner loops of the products of the backward pass (products.ts). `a` has, for each turn, the
 * factors of all rows, and `b` the sixteen numbers that they multiply. Each output is one chain of sums, in the order of the turns, whatever the tile. Engines with
 * registers of 128 bits have enough of them for three rows, those with 256 bits for six.
 */
import { madd } from '../lanes';

/** Stores the sums of a row, added to what is there with `more`. */
// @ts-ignore: decorator
@inline
function finish(c: usize, more: bool, s0: v128, s1: v128, s2: v128, s3: v128): void {
  if (more) {
    s0 = f32x4.add(v128.load(c), s0);
    s1 = f32x4.add(v128.load(c, 16), s1);
    s2 = f32x4.add(v128.load(c, 32), s2);
    s3 = f32x4.add(v128.load(c, 48), s3);
  }
  v128.store(c, s0);
  v128.store(c, s1, 16);
  v128.store(c, s2, 32);
  v128.store(c, s3, 48);
}

export function tile3(c: usize, stride: usize, more: bool, a: usize, b: usize, bytes: usize): void {
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
  for (const end = b + bytes; b < end; b += 64, a += 12) {
    let p = v128.load(b);
    let q = v128.load(b, 16);
    let x = v128.load32_splat(a);
    a0 = madd(x, p, a0);
    a1 = madd(x, q, a1);
    x = v128.load32_splat(a, 4);
    b0 = madd(x, p, b0);
    b1 = madd(x, q, b1);
    x = v128.load32_splat(a, 8);
    c0 = madd(x, p, c0);
    c1 = madd(x, q, c1);
    p = v128.load(b, 32);
    q = v128.load(b, 48);
    x = v128.load32_splat(a);
    a2 = madd(x, p, a2);
    a3 = madd(x, q, a3);
    x = v128.load32_splat(a, 4);
    b2 = madd(x, p, b2);
    b3 = madd(x, q, b3);
    x = v128.load32_splat(a, 8);
    c2 = madd(x, p, c2);
    c3 = madd(x, q, c3);
  }
  finish(c, more, a0, a1, a2, a3);
  c += stride;
  finish(c, more, b0, b1, b2, b3);
  c += stride;
  finish(c, more, c0, c1, c2, c3);
}

export function tile6(c: usize, stride: usize, more: bool, a: usize, b: usize, bytes: usize): void {
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
  for (const end = b + bytes; b < end; b += 64, a += 24) {
    let p = v128.load(b);
    let q = v128.load(b, 16);
    let x = v128.load32_splat(a);
    a0 = madd(x, p, a0);
    a1 = madd(x, q, a1);
    x = v128.load32_splat(a, 4);
    b0 = madd(x, p, b0);
    b1 = madd(x, q, b1);
    x = v128.load32_splat(a, 8);
    c0 = madd(x, p, c0);
    c1 = madd(x, q, c1);
    x = v128.load32_splat(a, 12);
    d0 = madd(x, p, d0);
    d1 = madd(x, q, d1);
    x = v128.load32_splat(a, 16);
    e0 = madd(x, p, e0);
    e1 = madd(x, q, e1);
    x = v128.load32_splat(a, 20);
    f0 = madd(x, p, f0);
    f1 = madd(x, q, f1);
    p = v128.load(b, 32);
    q = v128.load(b, 48);
    x = v128.load32_splat(a);
    a2 = madd(x, p, a2);
    a3 = madd(x, q, a3);
    x = v128.load32_splat(a, 4);
    b2 = madd(x, p, b2);
    b3 = madd(x, q, b3);
    x = v128.load32_splat(a, 8);
    c2 = madd(x, p, c2);
    c3 = madd(x, q, c3);
    x = v128.load32_splat(a, 12);
    d2 = madd(x, p, d2);
    d3 = madd(x, q, d3);
    x = v128.load32_splat(a, 16);
    e2 = madd(x, p, e2);
    e3 = madd(x, q, e3);
    x = v128.load32_splat(a, 20);
    f2 = madd(x, p, f2);
    f3 = madd(x, q, f3);
  }
  finish(c, more, a0, a1, a2, a3);
  c += stride;
  finish(c, more, b0, b1, b2, b3);
  c += stride;
  finish(c, more, c0, c1, c2, c3);
  c += stride;
  finish(c, more, d0, d1, d2, d3);
  c += stride;
  finish(c, more, e0, e1, e2, e3);
  c += stride;
  finish(c, more, f0, f1, f2, f3);
}
