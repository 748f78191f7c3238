/** Sums of columns, added to in place, in pieces of columns; each is summed from the first row to the last. Words: target, x, T, N. */
import { address, take, word } from '../command';

/** Columns of a piece: two cache lines. */
const PIECE: u32 = 32;

export function addColumns(args: usize, part: u32, parts: u32): void {
  const target = address(args, 0);
  const rows = word(args, 2);
  const columns = word(args, 3);
  const stride: usize = columns << 2;
  for (let first = take(args) * PIECE; first < columns; first = take(args) * PIECE) {
    const to = target + (first << 2);
    const from = address(args, 1) + (first << 2);
    if (first + PIECE <= columns) wholePiece(to, from, from + rows * stride, stride);
    else {
      for (let i: usize = 0; i < columns - first; i++) {
        let sum: f32 = 0;
        for (let at = from + (i << 2); at < from + rows * stride; at += stride) sum += load<f32>(at);
        store<f32>(to + (i << 2), load<f32>(to + (i << 2)) + sum);
      }
    }
  }
}

function wholePiece(to: usize, from: usize, end: usize, stride: usize): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let s4 = s0;
  let s5 = s0;
  let s6 = s0;
  let s7 = s0;
  for (; from < end; from += stride) {
    s0 = f32x4.add(s0, v128.load(from));
    s1 = f32x4.add(s1, v128.load(from, 16));
    s2 = f32x4.add(s2, v128.load(from, 32));
    s3 = f32x4.add(s3, v128.load(from, 48));
    s4 = f32x4.add(s4, v128.load(from, 64));
    s5 = f32x4.add(s5, v128.load(from, 80));
    s6 = f32x4.add(s6, v128.load(from, 96));
    s7 = f32x4.add(s7, v128.load(from, 112));
  }
  v128.store(to, f32x4.add(v128.load(to), s0));
  v128.store(to, f32x4.add(v128.load(to, 16), s1), 16);
  v128.store(to, f32x4.add(v128.load(to, 32), s2), 32);
  v128.store(to, f32x4.add(v128.load(to, 48), s3), 48);
  v128.store(to, f32x4.add(v128.load(to, 64), s4), 64);
  v128.store(to, f32x4.add(v128.load(to, 80), s5), 80);
  v128.store(to, f32x4.add(v128.load(to, 96), s6), 96);
  v128.store(to, f32x4.add(v128.load(to, 112), s7), 112);
}
