/** Mamba's convolution, in pieces of channels that are read token by token: each cache line of x once. */
import { gather } from './columns';
import { address, scratch, take, word } from './command';
import { loadEnd, madd, silu4, storeEnd } from './lanes';

/** Row `t` of the sequence; rows before it lie in the window. */
// @ts-ignore: decorator
@inline
function rowAt(x: usize, window: usize, t: i32, width: i32, stride: usize): usize {
  return t >= 0 ? x + <usize>t * stride : window + <usize>(t + width - 1) * stride;
}

/**
 * Words: y, x, w, bias, windows, T (tokens of each sequence), E, W, channels of a piece (a multiple of 4), slots, sequences. Scratch memory: W
 * floats for each channel of a piece.
 */
export function causalConv(args: usize, part: u32, parts: u32): void {
  const w = address(args, 2);
  const tokens = word(args, 5);
  const channels = word(args, 6);
  const width = word(args, 7);
  const piece = word(args, 8);
  const columns = scratch(args, part);
  const apart: usize = piece << 2;
  const pieces = (channels + piece - 1) / piece;
  const sequences = word(args, 10);
  // Of few tokens, a piece of work is that of all sequences.
  const together: u32 = tokens < 4 ? sequences : 1;
  for (let i = take(args); i < pieces * (sequences / together); i = take(args)) {
    const first = (i % pieces) * piece;
    const end = min(first + piece, channels);
    for (let e = first; e < end; e += 4) {
      gather(columns + ((e - first) << 2), w + (e * width << 2), min<u32>(end - e, 4), width, apart);
    }
    const begin = i / pieces;
    for (let sequence = begin; sequence < begin + together; sequence++) convolve(args, sequence, first, end, columns, apart);
  }
}

/** Some channels of a sequence; vector j of their weights lies at `columns` + j `apart`. */
function convolve(args: usize, sequence: u32, first: u32, end: u32, columns: usize, apart: usize): void {
  const bias = address(args, 3);
  const tokens = <i32>word(args, 5);
  const width = <i32>word(args, 7);
  const stride: usize = word(args, 6) << 2;
  const y = address(args, 0) + <usize>(sequence * tokens) * stride;
  const x = address(args, 1) + <usize>(sequence * tokens) * stride;
  const slot: usize = load<u32>(address(args, 9) + (sequence << 2));
  const window = address(args, 4) + slot * <usize>(width - 1) * stride;
  for (let t: i32 = 0; t < tokens; t++) {
    const row0 = rowAt(x, window, t - width + 1, width, stride);
    const row1 = rowAt(x, window, t - width + 2, width, stride);
    const row2 = rowAt(x, window, t - width + 3, width, stride);
    const row3 = x + <usize>t * stride;
    const to = y + <usize>t * stride;
    let e = first;
    let column = columns;
    if (width == 4) {
      for (; e + 8 <= end; e += 8, column += 32) {
        const at: usize = e << 2;
        let sum0 = madd(v128.load(column), v128.load(row0 + at), v128.load(bias + at));
        let sum1 = madd(v128.load(column, 16), v128.load(row0 + at, 16), v128.load(bias + at, 16));
        sum0 = madd(v128.load(column + apart), v128.load(row1 + at), sum0);
        sum1 = madd(v128.load(column + apart, 16), v128.load(row1 + at, 16), sum1);
        sum0 = madd(v128.load(column + 2 * apart), v128.load(row2 + at), sum0);
        sum1 = madd(v128.load(column + 2 * apart, 16), v128.load(row2 + at, 16), sum1);
        sum0 = madd(v128.load(column + 3 * apart), v128.load(row3 + at), sum0);
        sum1 = madd(v128.load(column + 3 * apart, 16), v128.load(row3 + at, 16), sum1);
        v128.store(to + at, silu4(sum0));
        v128.store(to + at, silu4(sum1), 16);
      }
    }
    for (; e < end; e += 4, column += 16) {
      const at: usize = e << 2;
      const count: usize = end - e;
      const whole = count >= 4;
      let sum = whole ? v128.load(bias + at) : loadEnd(bias + at, count);
      for (let j: i32 = 0; j < width; j++) {
        const row = rowAt(x, window, t - width + 1 + j, width, stride) + at;
        sum = madd(v128.load(column + <usize>j * apart), whole ? v128.load(row) : loadEnd(row, count), sum);
      }
      const out = silu4(sum);
      if (whole) v128.store(to + at, out);
      else storeEnd(to + at, out, count);
    }
  }
  // Ascending rows: each is read before it is written over.
  const at: usize = first << 2;
  for (let j: i32 = 0; j < width - 1; j++) {
    const from = rowAt(x, window, tokens - width + 1 + j, width, stride);
    memory.copy(window + <usize>j * stride + at, from + at, (end - first) << 2);
  }
}
