/**
 * Attention of one sequence, one query and head after another, so that a query's result does not depend on the others of its pass.
 * Words: out, q, k, v, T, H, K, S, D, Dv, scale.
 */
import { address, real, scratch, take, word } from './command';
import { addScaled, dot, exp4, loadEnd, maxLanes, storeEnd, sumLanes } from './lanes';

/** Replaces `count` scores by their softmax. */
function softmax(scores: usize, count: usize): void {
  const whole = count & ~3;
  const rest = count & 3;
  let largest = f32x4.splat(-Infinity);
  for (let i: usize = 0; i < whole; i += 4) largest = f32x4.max(largest, v128.load(scores + (i << 2)));
  let most = maxLanes(largest);
  for (let i = whole; i < count; i++) most = max(most, load<f32>(scores + (i << 2)));
  const shift = f32x4.splat(most);
  let sum = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 4) {
    const e = exp4(f32x4.sub(v128.load(scores + (i << 2)), shift));
    v128.store(scores + (i << 2), e);
    sum = f32x4.add(sum, e);
  }
  if (rest) {
    const at = scores + (whole << 2);
    storeEnd(at, exp4(f32x4.sub(loadEnd(at, rest), shift)), rest);
    sum = f32x4.add(sum, loadEnd(at, rest)); // read back: its padding is zero
  }
  const factor: f32 = 1 / sumLanes(sum);
  const f = f32x4.splat(factor);
  for (let i: usize = 0; i < whole; i += 4) v128.store(scores + (i << 2), f32x4.mul(v128.load(scores + (i << 2)), f));
  for (let i = whole; i < count; i++) store<f32>(scores + (i << 2), load<f32>(scores + (i << 2)) * factor);
}

/** Probabilities of one query over the first `seen` keys; k is at the first key of its head. */
// @ts-ignore: decorator
@inline
function probabilities(to: usize, q: usize, k: usize, stride: usize, width: usize, seen: usize, scale: f32): void {
  for (let s: usize = 0; s < seen; s++, k += stride) store<f32>(to + (s << 2), scale * dot(q, k, width));
  softmax(to, seen);
}

/** z = sum p[s] v[s]; v is at the first value of its head. */
// @ts-ignore: decorator
@inline
function weigh(z: usize, p: usize, v: usize, stride: usize, width: usize, seen: usize): void {
  // Columns in groups that stay in registers while the keys go by.
  let d: usize = 0;
  for (; d + 16 <= width; d += 16) {
    let z0 = f32x4.splat(0);
    let z1 = z0;
    let z2 = z0;
    let z3 = z0;
    let at = v + (d << 2);
    for (let s: usize = 0; s < seen; s++, at += stride) {
      const weight = f32x4.splat(load<f32>(p + (s << 2)));
      z0 = f32x4.add(z0, f32x4.mul(weight, v128.load(at)));
      z1 = f32x4.add(z1, f32x4.mul(weight, v128.load(at, 16)));
      z2 = f32x4.add(z2, f32x4.mul(weight, v128.load(at, 32)));
      z3 = f32x4.add(z3, f32x4.mul(weight, v128.load(at, 48)));
    }
    const to = z + (d << 2);
    v128.store(to, z0);
    v128.store(to, z1, 16);
    v128.store(to, z2, 32);
    v128.store(to, z3, 48);
  }
  if (d < width) {
    memory.fill(z + (d << 2), 0, (width - d) << 2);
    for (let s: usize = 0; s < seen; s++) addScaled(z + (d << 2), load<f32>(p + (s << 2)), v + s * stride + (d << 2), width - d);
  }
}

/** Scratch memory: S scores. */
export function attention(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const keys = word(args, 7);
  const d: usize = word(args, 8);
  const dv: usize = word(args, 9);
  const scores = scratch(args, part);
  for (let i = take(args); i < tokens * heads; i = take(args)) {
    const t = i / heads;
    const group = ((i % heads) * keyHeads) / heads;
    const seen = keys - (tokens - 1 - t);
    const q = address(args, 1) + i * (d << 2);
    probabilities(scores, q, address(args, 2) + group * (d << 2), keyHeads * (d << 2), d, seen, real(args, 10));
    weigh(address(args, 0) + i * (dv << 2), scores, address(args, 3) + group * (dv << 2), keyHeads * (dv << 2), dv, seen);
  }
}

/** out[H, T, S] */
export function attentionPattern(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const keys = word(args, 7);
  const d: usize = word(args, 8);
  for (let i = take(args); i < tokens * heads; i = take(args)) {
    const t = i / heads;
    const head = i % heads;
    const group = (head * keyHeads) / heads;
    const seen = keys - (tokens - 1 - t);
    const to = address(args, 0) + (head * tokens + t) * (keys << 2);
    const q = address(args, 1) + i * (d << 2);
    probabilities(to, q, address(args, 2) + group * (d << 2), keyHeads * (d << 2), d, seen, real(args, 10));
    memory.fill(to + (seen << 2), 0, (keys - seen) << 2);
  }
}

/** q is the pattern [H, T, S] */
export function attendPattern(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const heads = word(args, 5);
  const keyHeads = word(args, 6);
  const keys = word(args, 7);
  const dv: usize = word(args, 9);
  for (let i = take(args); i < tokens * heads; i = take(args)) {
    const t = i / heads;
    const head = i % heads;
    const group = (head * keyHeads) / heads;
    const p = address(args, 1) + (head * tokens + t) * (keys << 2);
    weigh(address(args, 0) + i * (dv << 2), p, address(args, 3) + group * (dv << 2), keyHeads * (dv << 2), dv, keys);
  }
}

/** Words: y, z, T, H, M, by. */
export function sumHeads(args: usize, part: u32, parts: u32): void {
  const heads = word(args, 3);
  const width: usize = word(args, 4);
  const by = real(args, 5);
  for (let t = take(args); t < word(args, 2); t = take(args)) {
    const y = address(args, 0) + t * (width << 2);
    const z = address(args, 1) + t * heads * (width << 2);
    memory.fill(y, 0, width << 2);
    for (let h: u32 = 0; h < heads; h++) addScaled(y, by, z + h * (width << 2), width);
  }
}
