/** Backward of Mamba's convolution, in pieces of channels, each for all sequences: its sums over tokens are made in their order. */
import { addSums, gather } from '../columns';
import { address, scratch, take, word } from '../command';
import { exp4, load4, madd, store4 } from '../lanes';

/** Word where the list of sequences begins: first row of each, and T at the end. */
const STARTS: usize = 11;

/** Derivative of silu: s (1 + x (1 - s)), where 1 - s = e s without cancellation. */
// @ts-ignore: decorator
@inline
function slope(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = exp4(f32x4.neg(x));
  const s = f32x4.div(one, f32x4.add(e, one));
  return f32x4.mul(s, madd(x, f32x4.mul(e, s), one));
}

/** Four taps inside of a sequence, for four channels: x and dx at the first of their rows, of which dx has then met all tokens. */
// @ts-ignore: decorator
@inline
function fourTaps(
  x: usize,
  dy: usize,
  bias: usize,
  dx: usize,
  at: usize,
  stride: usize,
  weights: usize,
  sums: usize,
  biases: usize,
  ring: usize,
  t: usize,
  pieceBytes: usize,
): void {
  const w = weights + (at << 2);
  const dw = sums + (at << 2);
  const w0 = v128.load(w);
  const w1 = v128.load(w, 16);
  const w2 = v128.load(w, 32);
  const w3 = v128.load(w, 48);
  const x0 = v128.load(x + at);
  const x1 = v128.load(x + stride + at);
  const x2 = v128.load(x + 2 * stride + at);
  const x3 = v128.load(x + 3 * stride + at);
  const sum = madd(w3, x3, madd(w2, x2, madd(w1, x1, madd(w0, x0, v128.load(bias + at)))));
  const g = f32x4.mul(v128.load(dy + at), slope(sum));
  const own = ring + at;
  v128.store(own + (t & 3) * pieceBytes, g);
  v128.store(biases + at, f32x4.add(v128.load(biases + at), g));
  v128.store(dw, madd(g, x0, v128.load(dw)));
  v128.store(dw, madd(g, x1, v128.load(dw, 16)), 16);
  v128.store(dw, madd(g, x2, v128.load(dw, 32)), 32);
  v128.store(dw, madd(g, x3, v128.load(dw, 48)), 48);
  const g0 = v128.load(own + ((t + 1) & 3) * pieceBytes); // of token t - 3
  const g1 = v128.load(own + ((t + 2) & 3) * pieceBytes);
  const g2 = v128.load(own + ((t + 3) & 3) * pieceBytes);
  v128.store(dx + at, madd(w0, g, madd(w1, g2, madd(w2, g1, f32x4.mul(w3, g0)))));
}

/**
 * Words: dx, x, w, bias, dy, dw, dbias, E, W, channels of a piece (a multiple of 4), sequences, starts. Scratch memory: 4 W + 1 floats for each
 * channel of a piece. Of each piece it has the weights, their sums, the gradients before the activation of the last W tokens, and sums for the bias.
 */
export function causalConvBackward(args: usize, part: u32, parts: u32): void {
  const channels = word(args, 7);
  const width: usize = word(args, 8);
  const piece = word(args, 9);
  const sequences = word(args, 10);
  const stride: usize = channels << 2;
  const tall = width << 4;
  const pieceBytes: usize = piece << 2;
  const weights = scratch(args, part);
  const sums = weights + pieceBytes * width;
  const ring = sums + pieceBytes * width;
  const spare = ring + pieceBytes * width;
  const biases = spare + pieceBytes * width;
  for (let first = take(args) * piece; first < channels; first = take(args) * piece) {
    const end = min(first + piece, channels);
    const few = end - first;
    let column = weights;
    for (let e = first; e < end; e += 4, column += tall) gather(column, address(args, 2) + (e * width << 2), min<u32>(end - e, 4), width);
    memory.fill(sums, 0, pieceBytes * width);
    memory.fill(biases, 0, pieceBytes);
    const x = address(args, 1) + (first << 2);
    const dy = address(args, 4) + (first << 2);
    const dx = address(args, 0) + (first << 2);
    const bias = address(args, 3) + (first << 2);
    for (let b: u32 = 0; b < sequences; b++) {
      const begin: usize = word(args, STARTS + b);
      const stop: usize = word(args, STARTS + b + 1);
      for (let t = begin; t < stop; t++) {
        // Taps that lie before the sequence are left out.
        const skip = t - begin + 1 < width ? width - 1 - (t - begin) : 0;
        const row = t * stride;
        const own = ring + (t % width) * pieceBytes;
        let e: u32 = 0;
        if (width == 4 && skip == 0) {
          const last = row - 3 * stride;
          for (; e + 4 <= few; e += 4) fourTaps(x + last, dy + row, bias, dx + last, e << 2, stride, weights, sums, biases, ring, t, pieceBytes);
        }
        const done = e;
        for (; e < few; e += 4) {
          const at: usize = e << 2;
          const count: usize = few - e;
          const w = weights + (e >> 2) * tall;
          const dw = sums + (e >> 2) * tall;
          let sum = load4(bias + at, count);
          let from = x + (t + skip + 1 - width) * stride + at;
          for (let j = skip; j < width; j++, from += stride) sum = madd(v128.load(w + (j << 4)), load4(from, count), sum);
          const g = f32x4.mul(load4(dy + row + at, count), slope(sum));
          v128.store(own + at, g);
          v128.store(biases + at, f32x4.add(v128.load(biases + at), g));
          from = x + (t + skip + 1 - width) * stride + at;
          for (let j = skip; j < width; j++, from += stride) {
            v128.store(dw + (j << 4), madd(g, load4(from, count), v128.load(dw + (j << 4))));
          }
        }
        if (skip == 0) finishRow(dx, t + 1 - width, t, stride, done, few, weights, ring, width, pieceBytes);
      }
      // The last rows meet fewer tokens than there are taps.
      const rest = min(width - 1, stop - begin);
      for (let t = stop - rest; t < stop; t++) finishRow(dx, t, stop - 1, stride, 0, few, weights, ring, width, pieceBytes);
    }
    for (let e: u32 = 0; e < few; e += 4) {
      const count: usize = min<u32>(few - e, 4);
      addSums(address(args, 5) + ((first + e) * width << 2), sums + (e >> 2) * tall, count, width, spare);
      const to = address(args, 6) + ((first + e) << 2);
      store4(to, f32x4.add(load4(to, count), v128.load(biases + (e << 2))), count);
    }
  }
}

/** dx of row `t`, from the gradients of rows t..last in the ring: the row is tap W - 1 of the first of them, W - 2 of the next, and so on. */
function finishRow(dx: usize, t: usize, last: usize, stride: usize, first: u32, few: u32, weights: usize, ring: usize, width: usize, pieceBytes: usize): void {
  for (let e = first; e < few; e += 4) {
    const at: usize = e << 2;
    const w = weights + (e >> 2) * (width << 4);
    let sum = f32x4.splat(0);
    for (let i = t; i <= last; i++) {
      sum = madd(v128.load(w + ((width - 1 - (i - t)) << 4)), v128.load(ring + (i % width) * pieceBytes + at), sum);
    }
    store4(dx + t * stride + at, sum, few - e);
  }
}
