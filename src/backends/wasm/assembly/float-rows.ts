/**
 * Products with weights in floats. An output has two vectors of sums, A and B, which take turns: whichever tile, part or number of tokens it is computed
 * with, it is the same sum in the same order. Vectors go by such twos, alike, for the reason in blocks.ts.
 */
import { halves4, tile2, tile4, tile6 } from './float-tiles';
import { madd, sumLanes } from './lanes';
import { STREAMS } from './matrices';
import { BF16, even, F32, heldFactor, heldMask, odd, widthShift } from './weights';

/** Columns of a turn of the loops: two vectors of 16-bit weights. Rows are filled up with zeros to whole groups. */
const GROUP: usize = 16;

/** From this many tokens on, weights are widened and laid out once, and used for all of them. */
const WIDEN_FROM: u32 = 4;

/** Rows of a turn. */
const ROWS: u32 = STREAMS;

/** Bytes of the sums of a tile, two rows for six tokens, and of the ends of the weights of ROWS rows. */
const SUM_BYTES: usize = 384;
const END_BYTES: usize = 64 * ROWS;

/** Rows that are widened together: as many as half of a second-level cache holds, but not more than this. */
const PANEL_BYTES: usize = 1 << 18;
const MOST_ROWS: usize = 32;

/** Bytes of activations or weights that a tile goes through at once, so that those of six tokens stay in the nearest cache. */
const BLOCK_BYTES: usize = 4096;

// @ts-ignore: decorator
@inline
function groupsOf(count: usize): usize {
  return (count + GROUP - 1) / GROUP;
}

/** Bytes of a token's activations as of `arrange`. */
// @ts-ignore: decorator
@inline
export function arrangedBytes(count: usize): usize {
  return groupsOf(count) << 6;
}

/** Rows that are widened together: an even number. */
// @ts-ignore: decorator
@inline
function panelRows(count: usize): usize {
  return max(<usize>ROWS, min(MOST_ROWS, (PANEL_BYTES / arrangedBytes(count)) & ~1));
}

/** Scratch memory of `floatRowsForTokens`: widened rows, their sums, zeros, ends of rows. */
// @ts-ignore: decorator
@inline
export function wideRowsScratch(count: usize): usize {
  const rows = panelRows(count);
  return rows * arrangedBytes(count) + (rows / 2 + 1) * SUM_BYTES + END_BYTES;
}

/**
 * Activations in the order in which the loops meet them. Of 16-bit weights one shift gives the even columns of a vector and one mask the odd ones, so
 * for these each 16 go in the order 0 2 4 6, 8 10 12 14, 1 3 5 7, 9 11 13 15.
 */
export function arrange(to: usize, x: usize, count: usize, format: u32): void {
  for (let left = count; left > 0; left -= min(left, GROUP), x += 64, to += 64) {
    let from = x;
    if (left < GROUP) {
      memory.fill(to, 0, 64);
      memory.copy(to, x, left << 2);
      from = to;
    }
    const a = v128.load(from);
    const b = v128.load(from, 16);
    const c = v128.load(from, 32);
    const d = v128.load(from, 48);
    const natural = format == F32;
    v128.store(to, natural ? a : v128.shuffle<f32>(a, b, 0, 2, 4, 6));
    v128.store(to, natural ? b : v128.shuffle<f32>(c, d, 0, 2, 4, 6), 16);
    v128.store(to, natural ? c : v128.shuffle<f32>(a, b, 1, 3, 5, 7), 32);
    v128.store(to, natural ? d : v128.shuffle<f32>(c, d, 1, 3, 5, 7), 48);
  }
}

/** The four vectors of a group of weights, in the order of `arrange`: which is 0 to 3. */
// @ts-ignore: decorator
@inline
function weights<T>(w: usize, which: usize, mask: v128, factor: v128): v128 {
  if (sizeof<T>() == 4) return v128.load(w + 16 * which);
  const pair = v128.load(w + 16 * (which & 1));
  return which < 2 ? even<T>(pair, mask, factor) : odd<T>(pair, mask, factor);
}

/** The last columns of a row, fewer than a group, and zeros. */
function copyEnd(to: usize, w: usize, bytes: usize): void {
  memory.fill(to, 0, 64);
  memory.copy(to, w, bytes);
}

/** Sums of four rows that lie `apart` bytes apart, for one token: A and B of each at `sums`. */
function rows4<T>(sums: usize, x: usize, w: usize, apart: usize, count: usize, ends: usize): void {
  const mask = heldMask<T>(count);
  const factor = heldFactor(count);
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let w1 = w + apart;
  let w2 = w1 + apart;
  let w3 = w2 + apart;
  let left = count / GROUP;
  for (let ended = false; ; ended = true) {
    for (; left > 0; left--) {
      const x0 = v128.load(x);
      const x1 = v128.load(x, 16);
      const x2 = v128.load(x, 32);
      const x3 = v128.load(x, 48);
      a0 = madd(x2, weights<T>(w, 2, mask, factor), madd(x0, weights<T>(w, 0, mask, factor), a0));
      b0 = madd(x3, weights<T>(w, 3, mask, factor), madd(x1, weights<T>(w, 1, mask, factor), b0));
      a1 = madd(x2, weights<T>(w1, 2, mask, factor), madd(x0, weights<T>(w1, 0, mask, factor), a1));
      b1 = madd(x3, weights<T>(w1, 3, mask, factor), madd(x1, weights<T>(w1, 1, mask, factor), b1));
      a2 = madd(x2, weights<T>(w2, 2, mask, factor), madd(x0, weights<T>(w2, 0, mask, factor), a2));
      b2 = madd(x3, weights<T>(w2, 3, mask, factor), madd(x1, weights<T>(w2, 1, mask, factor), b2));
      a3 = madd(x2, weights<T>(w3, 2, mask, factor), madd(x0, weights<T>(w3, 0, mask, factor), a3));
      b3 = madd(x3, weights<T>(w3, 3, mask, factor), madd(x1, weights<T>(w3, 1, mask, factor), b3));
      x += 64;
      w += GROUP * sizeof<T>();
      w1 += GROUP * sizeof<T>();
      w2 += GROUP * sizeof<T>();
      w3 += GROUP * sizeof<T>();
    }
    const bytes = (count & (GROUP - 1)) * sizeof<T>();
    if (ended || !bytes) break;
    copyEnd(ends, w, bytes);
    copyEnd(ends + 64, w1, bytes);
    copyEnd(ends + 128, w2, bytes);
    copyEnd(ends + 192, w3, bytes);
    w = ends;
    w1 = w + 64;
    w2 = w1 + 64;
    w3 = w2 + 64;
    left = 1;
  }
  v128.store(sums, a0);
  v128.store(sums, b0, 16);
  v128.store(sums, a1, 32);
  v128.store(sums, b1, 48);
  v128.store(sums, a2, 64);
  v128.store(sums, b2, 80);
  v128.store(sums, a3, 96);
  v128.store(sums, b3, 112);
}

/** What A and B at these addresses come to. */
// @ts-ignore: decorator
@inline
function sumOf(a: usize, b: usize): f32 {
  return sumLanes(f32x4.add(v128.load(a), v128.load(b)));
}

/** Rows for few tokens: four by turns, one of each stream. */
function streams<T>(ys: usize, xs: usize, tokens: u32, w: usize, rows: u32, count: usize, bias: usize, sums: usize, ends: usize): void {
  const stride = count * sizeof<T>();
  const step = rows / ROWS;
  for (let first: u32 = 0; first < step; first++) {
    for (let t: u32 = 0; t < tokens; t++) {
      const y: usize = load<u32>(ys + 4 * t);
      rows4<T>(sums, load<u32>(xs + 4 * t), w + first * stride, step * stride, count, ends);
      for (let i: u32 = 0; i < ROWS; i++) {
        const at: usize = 4 * (first + i * step);
        const sum = sumOf(sums + 32 * i, sums + 32 * i + 16);
        store<f32>(y + at, bias ? sum + load<f32>(bias + at) : sum);
      }
    }
  }
  for (let row = step * ROWS; row < rows; row++) {
    for (let t: u32 = 0; t < tokens; t++) {
      rows4<T>(sums, load<u32>(xs + 4 * t), w + row * stride, 0, count, ends);
      const sum = sumOf(sums, sums + 16);
      store<f32>(<usize>load<u32>(ys + 4 * t) + 4 * row, bias ? sum + load<f32>(bias + 4 * row) : sum);
    }
  }
}

/** `rows` rows as f32, two and two side by side, as the loops of float-tiles.ts want them. */
function widenRows<T>(to: usize, w: usize, rows: u32, count: usize, ends: usize): void {
  const mask = heldMask<T>(count);
  const factor = heldFactor(count);
  const bytes = arrangedBytes(count);
  if (rows & 1) memory.fill(to + (rows - 1) * bytes, 0, 2 * bytes);
  for (let row: u32 = 0; row < rows; row++) {
    let from = w + row * count * sizeof<T>();
    let at = to + (row & ~1) * bytes + 32 * (row & 1);
    for (let left = count; left > 0; left -= min(left, GROUP), at += 128, from += GROUP * sizeof<T>()) {
      let group = from;
      if (left < GROUP) {
        copyEnd(ends, from, left * sizeof<T>());
        group = ends;
      }
      v128.store(at, weights<T>(group, 0, mask, factor));
      v128.store(at, weights<T>(group, 1, mask, factor), 16);
      v128.store(at, weights<T>(group, 2, mask, factor), 64);
      v128.store(at, weights<T>(group, 3, mask, factor), 80);
    }
  }
}

/** A and B of the two rows of a token at `sums`: what they come to, of one row and the other. */
// @ts-ignore: decorator
@inline
function sumsOf2(sums: usize): v128 {
  const first = f32x4.add(v128.load(sums), v128.load(sums, 16));
  const second = f32x4.add(v128.load(sums, 32), v128.load(sums, 48));
  const pairs = f32x4.add(v128.shuffle<f32>(first, second, 0, 4, 1, 5), v128.shuffle<f32>(first, second, 2, 6, 3, 7));
  return f32x4.add(pairs, v128.shuffle<f32>(pairs, pairs, 2, 3, 0, 1));
}

/** Outputs of a token for two rows, or the last one. */
// @ts-ignore: decorator
@inline
function storePair(y: usize, sums: usize, rows: u32, bias: usize): void {
  let both = sumsOf2(sums);
  if (rows > 1) {
    if (bias) both = f32x4.add(both, v128.load64_zero(bias));
    v128.store64_lane(y, both, 0);
  } else {
    if (bias) both = f32x4.add(both, v128.load32_zero(bias));
    v128.store32_lane(y, both, 0);
  }
}

/** How many tokens the next tile has; `most` of them have their sums in registers. */
// @ts-ignore: decorator
@inline
function tileOf(left: u32, most: u32): u32 {
  if (left >= most) return most;
  return left > 2 ? 4 : 2;
}

/** The address in a list of that number, or the last one. */
// @ts-ignore: decorator
@inline
function at(list: usize, i: u32, last: u32): usize {
  return load<u32>(list + 4 * min(i, last));
}

/** Two widened rows at `w` for the tokens `t`.. of a tile, `bytes` of their activations from `shift` on. */
function addTile(to: usize, from: usize, xs: usize, t: u32, last: u32, tile: u32, most: u32, shift: usize, w: usize, bytes: usize): void {
  const x0 = at(xs, t, last) + shift;
  const x1 = at(xs, t + 1, last) + shift;
  if (tile == 2) return tile2(to, from, x0, x1, w, 2 * bytes);
  const x2 = at(xs, t + 2, last) + shift;
  const x3 = at(xs, t + 3, last) + shift;
  if (most == 4) return halves4(to, from, x0, x1, x2, x3, w, 2 * bytes);
  if (tile == 4) return tile4(to, from, x0, x1, x2, x3, w, 2 * bytes);
  tile6(to, from, x0, x1, x2, x3, at(xs, t + 4, last) + shift, at(xs, t + 5, last) + shift, w, 2 * bytes);
}

/**
 * Rows of weights [rows, count] for tokens whose activations, arranged, and outputs lie at the addresses xs[t] and ys[t] (of the first of these
 * rows). `wide` is scratch memory as of `wideRowsScratch`. `most`: how many tokens share the loads of weights, 4 or 6: as many as registers of 128 or 256 bits have room for. No bit depends on it.
 */
export function floatRowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  count: usize,
  bias: usize,
  format: u32,
  wide: usize,
  most: u32,
): void {
  const panel = panelRows(count);
  const rowBytes = arrangedBytes(count);
  const sums = wide + panel * rowBytes;
  const zeros = sums + (panel / 2) * SUM_BYTES;
  const ends = zeros + SUM_BYTES;
  if (tokens < WIDEN_FROM) {
    if (format == F32) streams<f32>(ys, xs, tokens, w, rows, count, bias, sums, ends);
    else if (format == BF16) streams<u16>(ys, xs, tokens, w, rows, count, bias, sums, ends);
    else streams<i16>(ys, xs, tokens, w, rows, count, bias, sums, ends);
    return;
  }
  memory.fill(zeros, 0, SUM_BYTES);
  // What is used for one or two tiles only stays in the nearest cache.
  const atOnce: u32 = tokens <= 2 * most ? ROWS : <u32>panel;
  for (let row: u32 = 0; row < rows; row += atOnce) {
    const some = min(atOnce, rows - row);
    const from = w + ((row * count) << widthShift(format));
    if (format == F32) widenRows<f32>(wide, from, some, count, ends);
    else if (format == BF16) widenRows<u16>(wide, from, some, count, ends);
    else widenRows<i16>(wide, from, some, count, ends);
    for (let t: u32 = 0; t < tokens; ) {
      const tile = tileOf(tokens - t, most);
      for (let block: usize = 0; block < rowBytes; block += BLOCK_BYTES) {
        const bytes = min(BLOCK_BYTES, rowBytes - block);
        for (let pair: u32 = 0; pair < some; pair += 2) {
          const to = sums + (pair / 2) * SUM_BYTES;
          const pairAt = wide + pair * rowBytes + 2 * block;
          // Called from two places, so that it stays a function of its own, whose loops have all registers.
          if (block == 0) addTile(to, zeros, xs, t, tokens - 1, tile, most, 0, pairAt, bytes);
          else addTile(to, to, xs, t, tokens - 1, tile, most, block, pairAt, bytes);
        }
      }
      for (let i: u32 = 0; i < tile; i++) {
        const y = at(ys, t + i, tokens - 1) + 4 * row;
        for (let pair: u32 = 0; pair < some; pair += 2) {
          const own = bias ? bias + 4 * (row + pair) : 0;
          storePair(y + 4 * pair, sums + (pair / 2) * SUM_BYTES + 64 * i, some - pair, own);
        }
      }
      t += tile;
    }
  }
}
