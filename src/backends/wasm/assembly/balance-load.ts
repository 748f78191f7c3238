/** How router logits load the experts: see ops/balance-load.ts and ops/backward/balance-load-backward.ts. */
import { address, real, scratch, take, word } from './command';
import { exp4, loadEnd, storeEnd } from './lanes';
import { largest, logOf, sumExp } from './summarize-logits';

/** Tokens of a piece of work; encode/balance-load.ts knows it too. */
const PIECE: u32 = 64;

/** The softmax of a row at `to`; gives its logsumexp. */
function softmax(to: usize, x: usize, count: usize): f32 {
  const most = largest(x, count);
  const sum = sumExp(x, count, most);
  const shift = f32x4.splat(most);
  const factor = f32x4.splat(<f32>(1 / sum));
  for (let i: usize = 0; i < count; i += 4) {
    const rest = count - i;
    const at = i << 2;
    const p = f32x4.mul(factor, exp4(f32x4.sub(rest >= 4 ? v128.load(x + at) : loadEnd(x + at, rest), shift)));
    if (rest >= 4) v128.store(to + at, p);
    else storeEnd(to + at, p, rest);
  }
  return <f32>(<f64>most + logOf(sum));
}

/** Adds 1 for each of the `active` experts with the largest logits; of equal ones the first. */
function countChosen(counts: usize, x: usize, count: u32, active: u32): void {
  for (let e: u32 = 0; e < count; e++) {
    const value = load<f32>(x + (e << 2));
    let before: u32 = 0;
    for (let i: u32 = 0; i < count; i++) {
      const other = load<f32>(x + (i << 2));
      if (other > value || (other == value && i < e)) before++;
    }
    if (before < active) store<f32>(counts + (e << 2), load<f32>(counts + (e << 2)) + 1);
  }
}

/** The sums of pieces of tokens, and a copy of the logits. Words: y, logits, sums [pieces, 2 X + 1], T, X, chosen experts. Scratch memory: X floats. */
export function balanceLoad(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 3);
  const count = word(args, 4);
  const bytes: usize = count << 2;
  const own = scratch(args, part);
  const pieces = (tokens + PIECE - 1) / PIECE;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const counts = address(args, 2) + piece * (2 * bytes + 4);
    const sums = counts + bytes;
    memory.fill(counts, 0, 2 * bytes + 4);
    const first = piece * PIECE;
    const end = min(tokens, first + PIECE);
    memory.copy(address(args, 0) + first * bytes, address(args, 1) + first * bytes, (end - first) * bytes);
    for (let t = first; t < end; t++) {
      const x = address(args, 1) + t * bytes;
      const total = softmax(own, x, count);
      countChosen(counts, x, count, word(args, 5));
      for (let e: usize = 0; e < bytes; e += 4) store<f32>(sums + e, load<f32>(sums + e) + load<f32>(own + e));
      store<f32>(sums + bytes, load<f32>(sums + bytes) + total * total);
    }
  }
}

/**
 * Words: dlogits, logits, load, T, X, first row of load, end of the rows, balance, z. Scratch memory: X floats.
 */
export function balanceLoadBackward(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 3);
  const count = word(args, 4);
  const bytes: usize = count << 2;
  const counts = scratch(args, part);
  const balance = real(args, 7);
  const z = real(args, 8);
  memory.fill(counts, 0, bytes);
  for (let layer = word(args, 5); layer < word(args, 6); layer++) {
    const row = address(args, 2) + layer * (2 * bytes + 4);
    for (let e: usize = 0; e < bytes; e += 4) store<f32>(counts + e, load<f32>(counts + e) + load<f32>(row + e));
  }
  for (let first = take(args) * PIECE; first < tokens; first = take(args) * PIECE) {
    for (let t = first; t < min(tokens, first + PIECE); t++) {
      const to = address(args, 0) + t * bytes;
      const total = softmax(to, address(args, 1) + t * bytes, count);
      let mean: f32 = 0;
      for (let e: usize = 0; e < bytes; e += 4) mean += load<f32>(to + e) * load<f32>(counts + e);
      for (let e: usize = 0; e < bytes; e += 4) {
        store<f32>(to + e, load<f32>(to + e) * (balance * (load<f32>(counts + e) - mean) + 2 * z * total));
      }
    }
  }
}
