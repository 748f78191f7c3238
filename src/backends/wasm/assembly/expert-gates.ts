/** Weights of chosen experts, in pieces of one token. */
import { address, take, word } from './command';
import { exp4 } from './lanes';

/** Replaces `count` logits by their softmax. */
export function softmaxGates(gates: usize, count: u32): void {
  let largest = load<f32>(gates);
  for (let j: u32 = 1; j < count; j++) if (load<f32>(gates + 4 * j) > largest) largest = load<f32>(gates + 4 * j);
  let sum: f32 = 0;
  for (let j: u32 = 0; j < count; j++) {
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(gates + 4 * j) - largest)), 0);
    store<f32>(gates + 4 * j, e);
    sum += e;
  }
  for (let j: u32 = 0; j < count; j++) store<f32>(gates + 4 * j, load<f32>(gates + 4 * j) / sum);
}

/** Words: gates, logits, ids, T, X, A. */
export function expertGates(args: usize, part: u32, parts: u32): void {
  const count = word(args, 4);
  const active = word(args, 5);
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const gates = address(args, 0) + t * active * 4;
    const logits = address(args, 1) + t * count * 4;
    const ids = address(args, 2) + t * active * 4;
    for (let j: u32 = 0; j < active; j++) {
      const id = load<u32>(ids + 4 * j);
      store<f32>(gates + 4 * j, id < count ? load<f32>(logits + 4 * id) : NaN);
    }
    softmaxGates(gates, active);
  }
}
