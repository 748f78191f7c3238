/**
 * The ceiling of everything that multiplies: loops that do nothing but the products of the kernels' inner loops, ten sums in registers, on
 * operands out of some hundred bytes. Commands like those of the backend's kernels. DOT as in the kernels' blocks.ts; a kind of product
 * is a type parameter: u8 as of q8, i8 as of q4 and ternary weights, f32.
 */
import { address, scratch, take, word } from '../../src/backends/wasm/assembly/command';
import { heldInts, madd } from '../../src/backends/wasm/assembly/lanes';

/** Turns of the loop in a piece, with 40 products of vectors each. */
const TURNS: u32 = 2048;
/** From here on activations, before it weights. */
const ACTIVATIONS: usize = 256;

// @ts-ignore: decorator
@inline
function widens<T>(): bool {
  return DOT == 0 && !isSigned<T>() && !isFloat<T>();
}

// @ts-ignore: decorator
@inline
function first<T>(w: usize): v128 {
  return widens<T>() ? i16x8.extend_low_i8x16_u(v128.load(w)) : v128.load(w);
}

// @ts-ignore: decorator
@inline
function second<T>(w: usize): v128 {
  return widens<T>() ? i16x8.extend_high_i8x16_u(v128.load(w)) : v128.load(w, 16);
}

// @ts-ignore: decorator
@inline
function activations<T>(x: usize): v128 {
  return widens<T>() ? v128.load64_splat(x) : v128.load32_splat(x);
}

// @ts-ignore: decorator
@inline
function meet<T>(sum: v128, x: v128, w: v128, ones: v128): v128 {
  if (isFloat<T>()) return madd(x, w, sum);
  if (DOT == 2) return i32x4.relaxed_dot_i8x16_i7x16_add_s(x, w, sum);
  if (DOT == 1) {
    const pairs = i16x8.relaxed_dot_i8x16_i7x16_s(x, w);
    return isSigned<T>() ? i16x8.add(sum, pairs) : i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones));
  }
  if (isSigned<T>()) return i16x8.add(sum, i16x8.add(i16x8.extmul_low_i8x16_s(x, w), i16x8.extmul_high_i8x16_s(x, w)));
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
}

/**
 * Words: address of 544 bytes of operands, pieces. Scratch memory: 160 bytes, so that the products have a purpose. Ten sums: with eight,
 * products of a single instruction wait for those before them, and more do not fit into sixteen registers beside the operands. They lie and are
 * stored in pairs, as those of the kernels: an engine that makes one instruction of 256 bits of two may do so here too.
 */
// @ts-ignore: decorator
@inline
function loop<T>(args: usize, part: u32): void {
  const operands = address(args, 0);
  const pieces = word(args, 1);
  const ones = heldInts(1, pieces);
  let a0 = i32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let a4 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let b4 = a0;
  let offset: usize = 0;
  while (take(args) < pieces) {
    for (let turn: u32 = 0; turn < TURNS; turn++) {
      const w = operands + offset;
      const x = operands + ACTIVATIONS + offset;
      offset ^= 128; // no two turns alike, so that no load leaves the loop
      let u = first<T>(w);
      let v = second<T>(w);
      let k = activations<T>(x);
      a0 = meet<T>(a0, k, u, ones);
      b0 = meet<T>(b0, k, v, ones);
      k = activations<T>(x + 8);
      a1 = meet<T>(a1, k, u, ones);
      b1 = meet<T>(b1, k, v, ones);
      k = activations<T>(x + 16);
      a2 = meet<T>(a2, k, u, ones);
      b2 = meet<T>(b2, k, v, ones);
      k = activations<T>(x + 24);
      a3 = meet<T>(a3, k, u, ones);
      b3 = meet<T>(b3, k, v, ones);
      k = activations<T>(x + 32);
      a4 = meet<T>(a4, k, u, ones);
      b4 = meet<T>(b4, k, v, ones);
      u = first<T>(w + 32);
      v = second<T>(w + 32);
      k = activations<T>(x + 40);
      a0 = meet<T>(a0, k, u, ones);
      b0 = meet<T>(b0, k, v, ones);
      k = activations<T>(x + 48);
      a1 = meet<T>(a1, k, u, ones);
      b1 = meet<T>(b1, k, v, ones);
      k = activations<T>(x + 56);
      a2 = meet<T>(a2, k, u, ones);
      b2 = meet<T>(b2, k, v, ones);
      k = activations<T>(x + 64);
      a3 = meet<T>(a3, k, u, ones);
      b3 = meet<T>(b3, k, v, ones);
      k = activations<T>(x + 72);
      a4 = meet<T>(a4, k, u, ones);
      b4 = meet<T>(b4, k, v, ones);
      u = first<T>(w + 64);
      v = second<T>(w + 64);
      k = activations<T>(x + 80);
      a0 = meet<T>(a0, k, u, ones);
      b0 = meet<T>(b0, k, v, ones);
      k = activations<T>(x + 88);
      a1 = meet<T>(a1, k, u, ones);
      b1 = meet<T>(b1, k, v, ones);
      k = activations<T>(x + 96);
      a2 = meet<T>(a2, k, u, ones);
      b2 = meet<T>(b2, k, v, ones);
      k = activations<T>(x + 104);
      a3 = meet<T>(a3, k, u, ones);
      b3 = meet<T>(b3, k, v, ones);
      k = activations<T>(x + 112);
      a4 = meet<T>(a4, k, u, ones);
      b4 = meet<T>(b4, k, v, ones);
      u = first<T>(w + 96);
      v = second<T>(w + 96);
      k = activations<T>(x + 120);
      a0 = meet<T>(a0, k, u, ones);
      b0 = meet<T>(b0, k, v, ones);
      k = activations<T>(x + 128);
      a1 = meet<T>(a1, k, u, ones);
      b1 = meet<T>(b1, k, v, ones);
      k = activations<T>(x + 136);
      a2 = meet<T>(a2, k, u, ones);
      b2 = meet<T>(b2, k, v, ones);
      k = activations<T>(x + 144);
      a3 = meet<T>(a3, k, u, ones);
      b3 = meet<T>(b3, k, v, ones);
      k = activations<T>(x + 152);
      a4 = meet<T>(a4, k, u, ones);
      b4 = meet<T>(b4, k, v, ones);
    }
  }
  const to = scratch(args, part);
  v128.store(to, a0, 0);
  v128.store(to, b0, 16);
  v128.store(to, a1, 32);
  v128.store(to, b1, 48);
  v128.store(to, a2, 64);
  v128.store(to, b2, 80);
  v128.store(to, a3, 96);
  v128.store(to, b3, 112);
  v128.store(to, a4, 128);
  v128.store(to, b4, 144);
}

export function wide(args: usize, part: u32, parts: u32): void {
  loop<u8>(args, part);
}

export function narrow(args: usize, part: u32, parts: u32): void {
  loop<i8>(args, part);
}

export function floats(args: usize, part: u32, parts: u32): void {
  loop<f32>(args, part);
}

/**
 * As `floats`, with the sums of a tile of six tokens (float-tiles.ts): where registers have 256 bits, ten sums are five, too few for products that
 * begin twice a cycle and take four. Scratch memory: 384 bytes.
 */
export function floatTiles(args: usize, part: u32, parts: u32): void {
  const operands = address(args, 0);
  const pieces = word(args, 1);
  const zero = f32x4.splat(0);
  let a0 = zero;
  let a1 = zero;
  let a2 = zero;
  let a3 = zero;
  let b0 = zero;
  let b1 = zero;
  let b2 = zero;
  let b3 = zero;
  let c0 = zero;
  let c1 = zero;
  let c2 = zero;
  let c3 = zero;
  let d0 = zero;
  let d1 = zero;
  let d2 = zero;
  let d3 = zero;
  let e0 = zero;
  let e1 = zero;
  let e2 = zero;
  let e3 = zero;
  let f0 = zero;
  let f1 = zero;
  let f2 = zero;
  let f3 = zero;
  let offset: usize = 0;
  while (take(args) < pieces) {
    for (let turn: u32 = 0; turn < TURNS; turn++) {
      const w = operands + offset;
      offset ^= 64;
      let k0 = v128.load(w, 0);
      let k1 = v128.load(w, 32);
      let x = v128.load(w, 256);
      a0 = madd(x, k0, a0);
      a2 = madd(x, k1, a2);
      x = v128.load(w, 288);
      b0 = madd(x, k0, b0);
      b2 = madd(x, k1, b2);
      x = v128.load(w, 320);
      c0 = madd(x, k0, c0);
      c2 = madd(x, k1, c2);
      x = v128.load(w, 352);
      d0 = madd(x, k0, d0);
      d2 = madd(x, k1, d2);
      x = v128.load(w, 384);
      e0 = madd(x, k0, e0);
      e2 = madd(x, k1, e2);
      x = v128.load(w, 416);
      f0 = madd(x, k0, f0);
      f2 = madd(x, k1, f2);
      k0 = v128.load(w, 16);
      k1 = v128.load(w, 48);
      x = v128.load(w, 272);
      a1 = madd(x, k0, a1);
      a3 = madd(x, k1, a3);
      x = v128.load(w, 304);
      b1 = madd(x, k0, b1);
      b3 = madd(x, k1, b3);
      x = v128.load(w, 336);
      c1 = madd(x, k0, c1);
      c3 = madd(x, k1, c3);
      x = v128.load(w, 368);
      d1 = madd(x, k0, d1);
      d3 = madd(x, k1, d3);
      x = v128.load(w, 400);
      e1 = madd(x, k0, e1);
      e3 = madd(x, k1, e3);
      x = v128.load(w, 432);
      f1 = madd(x, k0, f1);
      f3 = madd(x, k1, f3);
    }
  }
  const to = scratch(args, part);
  v128.store(to, a0, 0);
  v128.store(to, a1, 16);
  v128.store(to, a2, 32);
  v128.store(to, a3, 48);
  v128.store(to, b0, 64);
  v128.store(to, b1, 80);
  v128.store(to, b2, 96);
  v128.store(to, b3, 112);
  v128.store(to, c0, 128);
  v128.store(to, c1, 144);
  v128.store(to, c2, 160);
  v128.store(to, c3, 176);
  v128.store(to, d0, 192);
  v128.store(to, d1, 208);
  v128.store(to, d2, 224);
  v128.store(to, d3, 240);
  v128.store(to, e0, 256);
  v128.store(to, e1, 272);
  v128.store(to, e2, 288);
  v128.store(to, e3, 304);
  v128.store(to, f0, 320);
  v128.store(to, f1, 336);
  v128.store(to, f2, 352);
  v128.store(to, f3, 368);
}
