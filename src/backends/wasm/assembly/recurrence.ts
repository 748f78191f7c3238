/** Mamba's convolution and scan of one sequence, in pieces of channels that are read token by token: each cache line of x once. */
import { address, scratch, take, word } from './command';
import { C1, C2, C3, C4, C5, exp2, LOWEST, ROUNDER } from './exp2';
import { heldFloats, loadEnd, madd, silu4, storeEnd } from './lanes';

const LOG2_E: f32 = 1.44269504088896341;

/** Row `t` of the sequence; rows before it lie in the window. */
// @ts-ignore: decorator
@inline
function rowAt(x: usize, window: usize, t: i32, width: i32, stride: usize): usize {
  return t >= 0 ? x + <usize>t * stride : window + <usize>(t + width - 1) * stride;
}

/** The columns of four rows of four floats, as rows. */
// @ts-ignore: decorator
@inline
function transpose(to: usize, toStride: usize, from: usize, fromStride: usize): void {
  const row0 = v128.load(from);
  const row1 = v128.load(from + fromStride);
  const row2 = v128.load(from + 2 * fromStride);
  const row3 = v128.load(from + 3 * fromStride);
  const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
  const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
  const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to + toStride, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7));
  v128.store(to + 2 * toStride, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5));
  v128.store(to + 3 * toStride, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7));
}

/** `count` rows (1 to 4) of n floats as n vectors with one channel in each lane; zeros in the lanes of rows that are not there. */
function gather(columns: usize, rows: usize, count: usize, n: usize): void {
  let k: usize = 0;
  if (count == 4) for (; k + 4 <= n; k += 4) transpose(columns + (k << 4), 16, rows + (k << 2), n << 2);
  for (; k < n; k++) {
    for (let i: usize = 0; i < 4; i++) {
      store<f32>(columns + (((k << 2) + i) << 2), i < count ? load<f32>(rows + ((i * n + k) << 2)) : 0);
    }
  }
}

/** Words: y, x, w, bias, window, T, E, W, channels of a piece (a multiple of 4). Scratch memory: W floats for each of these. */
export function causalConv(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const w = address(args, 2);
  const bias = address(args, 3);
  const window = address(args, 4);
  const tokens = <i32>word(args, 5);
  const channels = word(args, 6);
  const width = <i32>word(args, 7);
  const piece = word(args, 8);
  const stride: usize = channels << 2;
  const columns = scratch(args, part);
  const tall: usize = width << 4;
  for (let first = take(args) * piece; first < channels; first = take(args) * piece) {
    const end = min(first + piece, channels);
    let column = columns;
    for (let e = first; e < end; e += 4, column += tall) {
      gather(column, w + (e * width << 2), min<u32>(end - e, 4), width);
    }
    for (let t: i32 = 0; t < tokens; t++) {
      const row0 = rowAt(x, window, t - width + 1, width, stride);
      const row1 = rowAt(x, window, t - width + 2, width, stride);
      const row2 = rowAt(x, window, t - width + 3, width, stride);
      const row3 = x + <usize>t * stride;
      const to = y + <usize>t * stride;
      let e = first;
      column = columns;
      if (width == 4) {
        for (; e + 4 <= end; e += 4, column += tall) {
          const at: usize = e << 2;
          let sum = madd(v128.load(column), v128.load(row0 + at), v128.load(bias + at));
          sum = madd(v128.load(column, 16), v128.load(row1 + at), sum);
          sum = madd(v128.load(column, 32), v128.load(row2 + at), sum);
          v128.store(to + at, silu4(madd(v128.load(column, 48), v128.load(row3 + at), sum)));
        }
      }
      for (; e < end; e += 4, column += tall) {
        const at: usize = e << 2;
        const count: usize = end - e;
        const whole = count >= 4;
        let sum = whole ? v128.load(bias + at) : loadEnd(bias + at, count);
        for (let j: i32 = 0; j < width; j++) {
          const row = rowAt(x, window, t - width + 1 + j, width, stride) + at;
          sum = madd(v128.load(column + 16 * j), whole ? v128.load(row) : loadEnd(row, count), sum);
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
}

/** The way back. */
function scatter(rows: usize, columns: usize, count: usize, n: usize): void {
  let k: usize = 0;
  if (count == 4) for (; k + 4 <= n; k += 4) transpose(rows + (k << 2), n << 2, columns + (k << 4), 16);
  for (; k < n; k++) {
    for (let i: usize = 0; i < count; i++) {
      store<f32>(rows + ((i * n + k) << 2), load<f32>(columns + (((k << 2) + i) << 2)));
    }
  }
}

/**
 * Words: y, x, dt, a, b, c, d, h, T, E, N, channels of a piece (a multiple of 4). Scratch memory: 2 N floats for each channel of a piece.
 *
 * A vector holds four channels, so that nothing is summed across lanes; a and h of a piece are transposed once for all tokens. Sums run
 * over n in its order. e^(dt a) is taken as 2^((dt log2 e) a), whose relative error is below (2 + 1.2 |dt a|) 2^-23; dt a must not exceed 88.
 */
export function selectiveScan(args: usize, part: u32, parts: u32): void {
  const x = address(args, 1);
  const dt = address(args, 2);
  const d = address(args, 6);
  const y = address(args, 0);
  const tokens = word(args, 8);
  const channels = word(args, 9);
  const n: usize = word(args, 10);
  const piece = word(args, 11);
  const rowBytes = n << 2;
  const groupBytes = n << 4;
  const decays = scratch(args, part);
  const states = decays + <usize>piece * rowBytes;

  const low = heldFloats(LOWEST, part);
  const round = heldFloats(ROUNDER, part);
  const one = heldFloats(1, part);
  const c1 = heldFloats(C1, part);
  const c2 = heldFloats(C2, part);
  const c3 = heldFloats(C3, part);
  const c4 = heldFloats(C4, part);
  const c5 = heldFloats(C5, part);

  for (let first = take(args) * piece; first < channels; first = take(args) * piece) {
    const end = min(first + piece, channels);
    let group: usize = 0;
    for (let e = first; e < end; e += 4, group += groupBytes) {
      const count: usize = min(end - e, 4);
      gather(decays + group, address(args, 3) + e * rowBytes, count, n);
      gather(states + group, address(args, 7) + e * rowBytes, count, n);
    }
    for (let t: u32 = 0; t < tokens; t++) {
      const firstB = address(args, 4) + t * rowBytes;
      const endB = firstB + rowBytes;
      const firstC = address(args, 5) + t * rowBytes;
      group = 0;
      for (let e = first; e < end; e += 4, group += groupBytes) {
        const at: usize = (t * channels + e) << 2;
        const count: usize = end - e;
        const whole = count >= 4;
        const input = whole ? v128.load(x + at) : loadEnd(x + at, count);
        const step = whole ? v128.load(dt + at) : loadEnd(dt + at, count);
        const rate = f32x4.mul(step, f32x4.splat(LOG2_E));
        const drive = f32x4.mul(step, input);
        let sum = f32x4.splat(0);
        let a = decays + group;
        let h = states + group;
        let b = firstB;
        let c = firstC;
        let power: v128;
        let next: v128;
        for (; b + 16 <= endB; a += 64, h += 64, b += 16, c += 16) {
          power = exp2(f32x4.mul(rate, v128.load(a)), low, round, c1, c2, c3, c4, c5, one);
          next = madd(drive, v128.load32_splat(b), f32x4.mul(power, v128.load(h)));
          v128.store(h, next);
          sum = madd(next, v128.load32_splat(c), sum);
          power = exp2(f32x4.mul(rate, v128.load(a, 16)), low, round, c1, c2, c3, c4, c5, one);
          next = madd(drive, v128.load32_splat(b, 4), f32x4.mul(power, v128.load(h, 16)));
          v128.store(h, next, 16);
          sum = madd(next, v128.load32_splat(c, 4), sum);
          power = exp2(f32x4.mul(rate, v128.load(a, 32)), low, round, c1, c2, c3, c4, c5, one);
          next = madd(drive, v128.load32_splat(b, 8), f32x4.mul(power, v128.load(h, 32)));
          v128.store(h, next, 32);
          sum = madd(next, v128.load32_splat(c, 8), sum);
          power = exp2(f32x4.mul(rate, v128.load(a, 48)), low, round, c1, c2, c3, c4, c5, one);
          next = madd(drive, v128.load32_splat(b, 12), f32x4.mul(power, v128.load(h, 48)));
          v128.store(h, next, 48);
          sum = madd(next, v128.load32_splat(c, 12), sum);
        }
        for (; b < endB; a += 16, h += 16, b += 4, c += 4) {
          power = exp2(f32x4.mul(rate, v128.load(a)), low, round, c1, c2, c3, c4, c5, one);
          next = madd(drive, v128.load32_splat(b), f32x4.mul(power, v128.load(h)));
          v128.store(h, next);
          sum = madd(next, v128.load32_splat(c), sum);
        }
        const direct = f32x4.mul(whole ? v128.load(d + (e << 2)) : loadEnd(d + (e << 2), count), input);
        const out = f32x4.add(sum, direct);
        if (whole) v128.store(y + at, out);
        else storeEnd(y + at, out, count);
      }
    }
    group = 0;
    for (let e = first; e < end; e += 4, group += groupBytes) {
      scatter(address(args, 7) + e * rowBytes, states + group, min(end - e, 4), n);
    }
  }
}
