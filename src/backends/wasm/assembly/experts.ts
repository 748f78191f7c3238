/** Mixture of experts: routing, then the tokens of each expert together, so that its matrices are read once. */
import { address, scratch, take, word } from './command';
import { addScaled, exp4, loadEnd, silu4, storeEnd } from './lanes';
import { rowsForTokens } from './linear';
import { widthShift } from './weights';

/** Words: ids, gates, logits, T, X, A. */
export function topExperts(args: usize, part: u32, parts: u32): void {
  const count = word(args, 4);
  const active = word(args, 5);
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const ids = address(args, 0) + t * active * 4;
    const gates = address(args, 1) + t * active * 4;
    const logits = address(args, 2) + t * count * 4;
    for (let j: u32 = 0; j < active; j++) {
      let best: i32 = -1;
      for (let x: u32 = 0; x < count; x++) {
        let taken = false;
        for (let i: u32 = 0; i < j; i++) if (load<u32>(ids + 4 * i) == x) taken = true;
        if (!taken && (best < 0 || load<f32>(logits + 4 * x) > load<f32>(logits + 4 * best))) best = x;
      }
      store<i32>(ids + 4 * j, best);
      store<f32>(gates + 4 * j, load<f32>(logits + 4 * best));
    }
    const largest = load<f32>(gates);
    let sum: f32 = 0;
    for (let j: u32 = 0; j < active; j++) {
      const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(gates + 4 * j) - largest)), 0);
      store<f32>(gates + 4 * j, e);
      sum += e;
    }
    for (let j: u32 = 0; j < active; j++) store<f32>(gates + 4 * j, load<f32>(gates + 4 * j) / sum);
  }
}

/** The slots (t A + j) of each expert together: order[T A], starts[X + 1]. Words: order, starts, ids, T A, X. */
export function groupByExpert(args: usize, part: u32, parts: u32): void {
  if (part > 0) return;
  const order = address(args, 0);
  const starts = address(args, 1);
  const ids = address(args, 2);
  const slots = word(args, 3);
  const count = word(args, 4);
  memory.fill(starts, 0, (count + 1) * 4);
  for (let i: u32 = 0; i < slots; i++) {
    const next = starts + 4 * (load<u32>(ids + 4 * i) + 1);
    store<u32>(next, load<u32>(next) + 1);
  }
  for (let x: u32 = 1; x <= count; x++)
    store<u32>(starts + 4 * x, load<u32>(starts + 4 * x) + load<u32>(starts + 4 * x - 4));
  // starts[x] moves to the end of its group, which is the start of the next; moved back below
  for (let i: u32 = 0; i < slots; i++) {
    const at = starts + 4 * load<u32>(ids + 4 * i);
    const place = load<u32>(at);
    store<u32>(order + 4 * place, i);
    store<u32>(at, place + 1);
  }
  for (let x = count; x > 0; x--) store<u32>(starts + 4 * x, load<u32>(starts + 4 * x - 4));
  store<u32>(starts, 0);
}

/**
 * y[slot] = w[expert of slot] x[slot / divisor]. Words: y, x, order, starts, w, X, rows, inner, format, chunk, divisor, most slots.
 * Scratch memory as of `linear`, for the most slots that an expert can have.
 */
export function linearByExpert(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const x = address(args, 1);
  const order = address(args, 2);
  const starts = address(args, 3);
  const w = address(args, 4);
  const count = word(args, 5);
  const rows = word(args, 6);
  const inner: usize = word(args, 7);
  const format = word(args, 8);
  const chunk = word(args, 9);
  const divisor = word(args, 10);
  const most = word(args, 11);
  const xs = scratch(args, part);
  const ys = xs + 4 * most;
  const wide = (ys + 4 * most + 15) & ~15;
  const chunks = (rows + chunk - 1) / chunk;
  for (let piece = take(args); piece < count * chunks; piece = take(args)) {
    const expert = piece / chunks;
    const from = load<u32>(starts + 4 * expert);
    const slots = load<u32>(starts + 4 * expert, 4) - from;
    if (slots == 0) continue;
    const first = (piece % chunks) * chunk;
    const some = min(chunk, rows - first);
    for (let i: u32 = 0; i < slots; i++) {
      const slot = load<u32>(order + 4 * (from + i));
      store<u32>(xs + 4 * i, <u32>(x + (slot / divisor) * (inner << 2)));
      store<u32>(ys + 4 * i, <u32>(y + (slot * rows + first) * 4));
    }
    const at = w + (((<usize>expert * rows + first) * inner) << widthShift(format));
    rowsForTokens(ys, xs, slots, at, some, inner, 0, format, wide);
  }
}

/** hidden[slot, f] = activation(both[slot, f]) both[slot, F + f]. Words: hidden, both, slots, F, relu2. */
export function gateHalves(args: usize, part: u32, parts: u32): void {
  const inner = word(args, 3);
  const relu2 = word(args, 4);
  for (let slot = take(args); slot < word(args, 2); slot = take(args)) {
    const to = address(args, 0) + slot * inner * 4;
    const gate = address(args, 1) + slot * inner * 8;
    const up = gate + inner * 4;
    for (let f: u32 = 0; f < inner; f += 4) {
      const rest = min<u32>(4, inner - f);
      const at: usize = f << 2;
      const g = rest == 4 ? v128.load(gate + at) : loadEnd(gate + at, rest);
      const u = rest == 4 ? v128.load(up + at) : loadEnd(up + at, rest);
      const positive = f32x4.max(g, f32x4.splat(0));
      const value = f32x4.mul(relu2 ? f32x4.mul(positive, positive) : silu4(g), u);
      if (rest == 4) v128.store(to + at, value);
      else storeEnd(to + at, value, rest);
    }
  }
}

/** y[t] = sum_j gates[t, j] z[t A + j]. Words: y, z, gates, T, A, M. */
export function sumSlots(args: usize, part: u32, parts: u32): void {
  const active = word(args, 4);
  const width: usize = word(args, 5);
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const y = address(args, 0) + t * (width << 2);
    memory.fill(y, 0, width << 2);
    for (let slot = t * active; slot < (t + 1) * active; slot++) {
      addScaled(y, load<f32>(address(args, 2) + 4 * slot), address(args, 1) + slot * (width << 2), width);
    }
  }
}
