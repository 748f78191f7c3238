/** Mamba's convolution and scan of one sequence, in pieces of channels. */
import { address, scratch, take, word } from './command';
import { exp4, loadEnd, madd, silu4, storeEnd, sumLanes } from './lanes';

const CHANNELS: u32 = 32;

/** Row `t` of the sequence; rows before it lie in the window. */
// @ts-ignore: decorator
@inline
function rowAt(x: usize, window: usize, t: i32, width: i32, stride: usize): usize {
  return t >= 0 ? x + <usize>t * stride : window + <usize>(t + width - 1) * stride;
}

/** Words: y, x, w, bias, window, T, E, W. Scratch memory: W vectors. */
export function causalConv(args: usize, part: u32, parts: u32): void {
  const w = address(args, 2);
  const tokens = <i32>word(args, 5);
  const channels = word(args, 6);
  const width = <i32>word(args, 7);
  const stride: usize = channels << 2;
  const columns = scratch(args, part);
  for (let first = take(args) * CHANNELS; first < channels; first = take(args) * CHANNELS) {
    const end = min(first + CHANNELS, channels);
    for (let e = first; e < end; e += 4) {
      const count: usize = min<u32>(4, end - e);
      const at: usize = e << 2;
      const x = address(args, 1) + at;
      const window = address(args, 4) + at;
      const y = address(args, 0) + at;
      for (let j: i32 = 0; j < width; j++) {
        for (let i: usize = 0; i < 4; i++) {
          const weight: f32 = i < count ? load<f32>(w + ((e + i) * width + j) * 4) : 0;
          store<f32>(columns + 16 * j + 4 * i, weight);
        }
      }
      const whole = count == 4;
      const bias = whole ? v128.load(address(args, 3) + at) : loadEnd(address(args, 3) + at, count);
      for (let t: i32 = 0; t < tokens; t++) {
        let sum = bias;
        for (let j: i32 = 0; j < width; j++) {
          const row = rowAt(x, window, t - width + 1 + j, width, stride);
          sum = madd(v128.load(columns + 16 * j), whole ? v128.load(row) : loadEnd(row, count), sum);
        }
        const out = silu4(sum);
        if (whole) v128.store(y + <usize>t * stride, out);
        else storeEnd(y + <usize>t * stride, out, count);
      }
      // Ascending rows: each is read before it is written over.
      for (let j: i32 = 0; j < width - 1; j++) {
        memory.copy(window + <usize>j * stride, rowAt(x, window, tokens - width + 1 + j, width, stride), count << 2);
      }
    }
  }
}

/** One token of one channel; `count` states at `h`. */
// @ts-ignore: decorator
@inline
function advance(h: usize, a: usize, b: usize, c: usize, step: f32, input: f32, count: usize): f32 {
  const dt = f32x4.splat(step);
  const drive = f32x4.splat(step * input);
  let sum = f32x4.splat(0);
  const whole = count & ~3;
  for (let n: usize = 0; n < whole; n += 4) {
    const at = n << 2;
    const decay = exp4(f32x4.mul(dt, v128.load(a + at)));
    const next = madd(drive, v128.load(b + at), f32x4.mul(decay, v128.load(h + at)));
    v128.store(h + at, next);
    sum = madd(next, v128.load(c + at), sum);
  }
  const rest = count & 3;
  if (rest) {
    const at = whole << 2;
    const decay = exp4(f32x4.mul(dt, loadEnd(a + at, rest)));
    const next = madd(drive, loadEnd(b + at, rest), f32x4.mul(decay, loadEnd(h + at, rest)));
    storeEnd(h + at, next, rest);
    sum = madd(next, loadEnd(c + at, rest), sum);
  }
  return sumLanes(sum);
}

/** Words: y, x, dt, a, b, c, d, h, T, E, N. */
export function selectiveScan(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 8);
  const channels = word(args, 9);
  const count: usize = word(args, 10);
  for (let first = take(args) * CHANNELS; first < channels; first = take(args) * CHANNELS) {
    const end = min(first + CHANNELS, channels);
    for (let t: u32 = 0; t < tokens; t++) {
      const b = address(args, 4) + t * (count << 2);
      const c = address(args, 5) + t * (count << 2);
      for (let e = first; e < end; e++) {
        const at: usize = (t * channels + e) << 2;
        const input = load<f32>(address(args, 1) + at);
        const step = load<f32>(address(args, 2) + at);
        const state = address(args, 7) + e * (count << 2);
        const sum = advance(state, address(args, 3) + e * (count << 2), b, c, step, input, count);
        store<f32>(address(args, 0) + at, sum + load<f32>(address(args, 6) + (e << 2)) * input);
      }
    }
  }
}
