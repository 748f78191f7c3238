/** Mamba's recurrence, in pieces of channels that are read token by token. */
import { gather, scatter } from './columns';
import { address, scratch, take, word } from './command';
import { C1, C2, C3, C4, C5, exp2, LOWEST, ROUNDER } from './exp2';
import { heldFloats, loadEnd, madd, storeEnd } from './lanes';

const LOG2_E: f32 = 1.44269504088896341;

/**
 * One token of a sequence, for some channels, whole fours. First all h, as they lie in memory, eight numbers of n at a time; then the sums, four channels
 * to a vector. `rates` is room for eight floats.
 */
function scanToken(
  args: usize,
  sequence: u32,
  first: u32,
  end: u32,
  rates: usize,
  low: v128,
  round: v128,
  c1: v128,
  c2: v128,
  c3: v128,
  c4: v128,
  c5: v128,
  one: v128,
): void {
  const channels = word(args, 9);
  const rowBytes: usize = <usize>word(args, 10) << 2;
  const wide: usize = <usize>(sequence * channels) << 2;
  const y = address(args, 0) + wide;
  const x = address(args, 1) + wide;
  const dt = address(args, 2) + wide;
  const b = address(args, 4) + sequence * rowBytes;
  const c = address(args, 5) + sequence * rowBytes;
  const d = address(args, 6);
  const slot: usize = load<u32>(address(args, 12) + (sequence << 2));
  let a = address(args, 3) + first * rowBytes;
  let h = address(args, 7) + (slot * channels + first) * rowBytes;
  for (let e = first; e < end; e += 4) {
    const at: usize = e << 2;
    const input = v128.load(x + at);
    const step = v128.load(dt + at);
    v128.store(rates, f32x4.mul(step, f32x4.splat(LOG2_E)));
    v128.store(rates, f32x4.mul(step, input), 16);
    const states = h;
    for (let rate = rates; rate < rates + 16; rate += 4) {
      for (let k: usize = 0; k < rowBytes; k += 32, a += 32, h += 32) {
        const by = v128.load32_splat(rate);
        const drive = v128.load32_splat(rate, 16);
        const power0 = exp2(f32x4.mul(by, v128.load(a)), low, round, c1, c2, c3, c4, c5, one);
        const power1 = exp2(f32x4.mul(by, v128.load(a, 16)), low, round, c1, c2, c3, c4, c5, one);
        const next0 = madd(drive, v128.load(b + k), f32x4.mul(power0, v128.load(h)));
        const next1 = madd(drive, v128.load(b + k, 16), f32x4.mul(power1, v128.load(h, 16)));
        v128.store(h, next0);
        v128.store(h, next1, 16);
      }
    }
    let sum = f32x4.splat(0);
    for (let k: usize = 0; k < rowBytes; k += 16) {
      const row0 = v128.load(states + k);
      const row1 = v128.load(states + k + rowBytes);
      const row2 = v128.load(states + k + 2 * rowBytes);
      const row3 = v128.load(states + k + 3 * rowBytes);
      const low01 = v128.shuffle<f32>(row0, row1, 0, 4, 1, 5);
      const low23 = v128.shuffle<f32>(row2, row3, 0, 4, 1, 5);
      const high01 = v128.shuffle<f32>(row0, row1, 2, 6, 3, 7);
      const high23 = v128.shuffle<f32>(row2, row3, 2, 6, 3, 7);
      sum = madd(v128.shuffle<f32>(low01, low23, 0, 1, 4, 5), v128.load32_splat(c + k), sum);
      sum = madd(v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), v128.load32_splat(c + k, 4), sum);
      sum = madd(v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), v128.load32_splat(c + k, 8), sum);
      sum = madd(v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), v128.load32_splat(c + k, 12), sum);
    }
    v128.store(y + at, f32x4.add(sum, f32x4.mul(v128.load(d + at), input)));
  }
}

/**
 * Words: y, x, dt, a, b, c, d, states, T (tokens of each sequence), E, N, channels of a piece (a multiple of 4), slots, sequences. Scratch memory:
 * 2 N floats for each channel of a piece.
 *
 * A vector holds four channels, so that nothing is summed across lanes; a and h of a piece are transposed once for all tokens. Sums run
 * over n in its order. e^(dt a) is taken as 2^((dt log2 e) a), whose relative error is below (2 + 1.2 |dt a|) 2^-23; dt a must not exceed 88.
 * A single token of each sequence is not worth this: then a piece of work is that of all sequences, and only the new h are transposed (scanToken).
 */
export function selectiveScan(args: usize, part: u32, parts: u32): void {
  const d = address(args, 6);
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

  const pieces = (channels + piece - 1) / piece;
  if (tokens == 1 && n % 8 == 0 && channels % 4 == 0) {
    for (let i = take(args); i < pieces * word(args, 13); i = take(args)) {
      const first = (i % pieces) * piece;
      scanToken(args, i / pieces, first, min(first + piece, channels), decays, low, round, c1, c2, c3, c4, c5, one);
    }
    return;
  }
  for (let i = take(args); i < pieces * word(args, 13); i = take(args)) {
    const sequence = i / pieces;
    const token = sequence * tokens;
    const wide: usize = <usize>(token * channels) << 2;
    const y = address(args, 0) + wide;
    const x = address(args, 1) + wide;
    const dt = address(args, 2) + wide;
    const slot: usize = load<u32>(address(args, 12) + (sequence << 2));
    const state = address(args, 7) + slot * channels * rowBytes;
    const first = (i % pieces) * piece;
    const end = min(first + piece, channels);
    let group: usize = 0;
    for (let e = first; e < end; e += 4, group += groupBytes) {
      const count: usize = min(end - e, 4);
      gather(decays + group, address(args, 3) + e * rowBytes, count, n);
      gather(states + group, state + e * rowBytes, count, n);
    }
    for (let t: u32 = 0; t < tokens; t++) {
      const firstB = address(args, 4) + (token + t) * rowBytes;
      const endB = firstB + rowBytes;
      const firstC = address(args, 5) + (token + t) * rowBytes;
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
      scatter(state + e * rowBytes, states + group, min(end - e, 4), n);
    }
  }
}
