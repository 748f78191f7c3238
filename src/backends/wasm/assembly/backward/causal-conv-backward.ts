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
        for (let e: u32 = 0; e < few; e += 4) {
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
        if (skip == 0) finishRow(dx, t + 1 - width, t, stride, few, weights, ring, width, pieceBytes);
      }
      // The last rows meet fewer tokens than there are taps.
      const rest = min(width - 1, stop - begin);
      for (let t = stop - rest; t < stop; t++) finishRow(dx, t, stop - 1, stride, few, weights, ring, width, pieceBytes);
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
function finishRow(dx: usize, t: usize, last: usize, stride: usize, few: u32, weights: usize, ring: usize, width: usize, pieceBytes: usize): void {
  for (let e: u32 = 0; e < few; e += 4) {
    const at: usize = e << 2;
    const w = weights + (e >> 2) * (width << 4);
    let sum = f32x4.splat(0);
    for (let i = t; i <= last; i++) {
      sum = madd(v128.load(w + ((width - 1 - (i - t)) << 4)), v128.load(ring + (i % width) * pieceBytes + at), sum);
    }
    store4(dx + t * stride + at, sum, few - e);
  }
}
