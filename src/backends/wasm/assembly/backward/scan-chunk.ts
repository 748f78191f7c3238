/**
 * The loops of the backward scan over the tokens of a chunk, for four channels, one in each lane, and two of their states. Rows of channels have
 * ROW bytes; rows of b and c have `narrow` bytes.
 */
import { C1, C2, C3, C4, C5, exp2, LOWEST, ROUNDER } from '../exp2';
import { heldFloats, madd } from '../lanes';

/** Channels whose rows lie side by side, and bytes of a row of theirs. */
export const CHANNELS: u32 = 16;
export const ROW: usize = 64;

/** Tokens of a chunk: what is kept of them for two states stays in the nearest cache. */
export const CHUNK: u32 = 32;

/** Two vectors of each token, and one more of states: those before the chunk. */
export const PAIR_BYTES: usize = 32 * CHUNK;
export const STATES_BYTES: usize = PAIR_BYTES + 32;

/** The states after the tokens at `h`, from those at `before`; with `keep` those after each token at `states`, and what was kept of them at `kept`. */
// @ts-ignore: decorator
@inline
function run(keep: bool, h: usize, before: usize, a: usize, rate: usize, drive: usize, b: usize, narrow: usize, tokens: u32, states: usize, kept: usize, part: u32): void {
  const low = heldFloats(LOWEST, part);
  const round = heldFloats(ROUNDER, part);
  const one = heldFloats(1, part);
  const c1 = heldFloats(C1, part);
  const c2 = heldFloats(C2, part);
  const c3 = heldFloats(C3, part);
  const c4 = heldFloats(C4, part);
  const c5 = heldFloats(C5, part);
  const a0 = v128.load(a);
  const a1 = v128.load(a, 16);
  let h0 = v128.load(before);
  let h1 = v128.load(before, 16);
  if (keep) {
    v128.store(states, h0);
    v128.store(states, h1, 16);
  }
  for (const end = rate + tokens * ROW; rate < end; rate += ROW, drive += ROW, b += narrow) {
    const speed = v128.load(rate);
    const push = v128.load(drive);
    const p0 = exp2(f32x4.mul(speed, a0), low, round, c1, c2, c3, c4, c5, one);
    const p1 = exp2(f32x4.mul(speed, a1), low, round, c1, c2, c3, c4, c5, one);
    h0 = madd(push, v128.load32_splat(b), f32x4.mul(p0, h0));
    h1 = madd(push, v128.load32_splat(b, 4), f32x4.mul(p1, h1));
    if (keep) {
      states += 32;
      v128.store(states, h0);
      v128.store(states, h1, 16);
      v128.store(kept, p0);
      v128.store(kept, p1, 16);
      kept += 32;
    }
  }
  if (!keep) {
    v128.store(h, h0);
    v128.store(h, h1, 16);
  }
}

/** From the states before a chunk to those after it. */
export function advance(h: usize, before: usize, a: usize, rate: usize, drive: usize, b: usize, narrow: usize, tokens: u32, part: u32): void {
  run(false, h, before, a, rate, drive, b, narrow, tokens, 0, 0, part);
}

/** All states of a chunk, from those before it. */
export function recall(states: usize, kept: usize, before: usize, a: usize, rate: usize, drive: usize, b: usize, narrow: usize, tokens: u32, part: u32): void {
  run(true, 0, before, a, rate, drive, b, narrow, tokens, states, kept, part);
}

/**
 * From the last token to the first. `g` is the gradient that comes from later tokens, `da` sums over tokens. Added to for each token: its terms of
 * db and dc at `sumsB` and `sumsC`; sum of G b at `inputs`; sum of G a kept h at `steps`.
 */
export function descend(
  tokens: u32,
  states: usize,
  kept: usize,
  a: usize,
  da: usize,
  g: usize,
  step: usize,
  drive: usize,
  dy: usize,
  b: usize,
  c: usize,
  narrow: usize,
  sumsB: usize,
  sumsC: usize,
  inputs: usize,
  steps: usize,
): void {
  const a0 = v128.load(a);
  const a1 = v128.load(a, 16);
  let da0 = v128.load(da);
  let da1 = v128.load(da, 16);
  let g0 = v128.load(g);
  let g1 = v128.load(g, 16);
  const last: usize = tokens - 1;
  const wide = last * ROW;
  const pairs = last << 5;
  step += wide;
  drive += wide;
  dy += wide;
  inputs += wide;
  steps += wide;
  b += last * narrow;
  c += last * narrow;
  kept += pairs;
  sumsB += pairs;
  sumsC += pairs;
  let h0 = v128.load(states + pairs, 32);
  let h1 = v128.load(states + pairs, 48);
  for (let at = states + pairs; at >= states; at -= 32) {
    const given = v128.load(dy);
    const push = v128.load(drive);
    const own = v128.load(step);
    const all0 = madd(v128.load32_splat(c), given, g0);
    const all1 = madd(v128.load32_splat(c, 4), given, g1);
    v128.store(sumsC, madd(given, h0, v128.load(sumsC)));
    v128.store(sumsC, madd(given, h1, v128.load(sumsC, 16)), 16);
    v128.store(sumsB, madd(push, all0, v128.load(sumsB)));
    v128.store(sumsB, madd(push, all1, v128.load(sumsB, 16)), 16);
    v128.store(inputs, madd(all1, v128.load32_splat(b, 4), madd(all0, v128.load32_splat(b), v128.load(inputs))));
    g0 = f32x4.mul(all0, v128.load(kept));
    g1 = f32x4.mul(all1, v128.load(kept, 16));
    h0 = v128.load(at);
    h1 = v128.load(at, 16);
    const q0 = f32x4.mul(g0, h0);
    const q1 = f32x4.mul(g1, h1);
    v128.store(steps, madd(a1, q1, madd(a0, q0, v128.load(steps))));
    da0 = madd(own, q0, da0);
    da1 = madd(own, q1, da1);
    step -= ROW;
    drive -= ROW;
    dy -= ROW;
    inputs -= ROW;
    steps -= ROW;
    b -= narrow;
    c -= narrow;
    kept -= 32;
    sumsB -= 32;
    sumsC -= 32;
  }
  v128.store(da, da0);
  v128.store(da, da1, 16);
  v128.store(g, g0);
  v128.store(g, g1, 16);
}
