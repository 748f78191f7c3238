/** The products of experts: the tokens of each expert together, so that its matrices are read once. */
import { address, scratch, take, word } from './command';
import { loadEnd, silu4, storeEnd } from './lanes';
import { rowsForTokens, rowsScratch, weightBytes } from './linear';
import { inputBytes, packInput } from './packed-inputs';

/** Bytes of a group in the list of groupByExpert: expert, first place in `order`, end. */
export const GROUP_BYTES: usize = 12;

/**
 * The slots (t A + j) of each expert together: order[T A]; and of the experts that have any, their number and a list of groups. `places` is
 * room for X integers. Slots of an expert that does not exist are left out. Words: order, groups, ids, T A, X, places.
 */
export function groupByExpert(args: usize, part: u32, parts: u32): void {
  if (part > 0) return;
  const order = address(args, 0);
  const ids = address(args, 2);
  const slots = word(args, 3);
  const count = word(args, 4);
  const places = address(args, 5);
  memory.fill(places, 0, count * 4);
  for (let i: u32 = 0; i < slots; i++) {
    const expert = load<u32>(ids + 4 * i);
    if (expert >= count) continue;
    const at = places + 4 * expert;
    store<u32>(at, load<u32>(at) + 1);
  }
  let group = address(args, 1) + 4;
  let first: u32 = 0;
  let used: u32 = 0;
  for (let x: u32 = 0; x < count; x++) {
    const many = load<u32>(places + 4 * x);
    store<u32>(places + 4 * x, first);
    if (many == 0) continue;
    store<u32>(group, x);
    store<u32>(group, first, 4);
    store<u32>(group, first + many, 8);
    group += GROUP_BYTES;
    first += many;
    used++;
  }
  store<u32>(address(args, 1), used);
  for (let i: u32 = 0; i < slots; i++) {
    const expert = load<u32>(ids + 4 * i);
    if (expert >= count) continue;
    const at = places + 4 * expert;
    const place = load<u32>(at);
    store<u32>(order + 4 * place, i);
    store<u32>(at, place + 1);
  }
}

/**
 * y[slot] = w[expert of slot] x[slot / divisor]. Words: y, x, order, groups, w, rows, inner, format, chunk, divisor, most slots of an expert, tokens
 * if x may be floats, tokens of a tile of floats, rows that an expert has, the first of those used. x is a list of packed inputs, or the floats of a single token. Scratch memory as of `linear`, for that many slots.
 */
export function linearByExpert(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  let x = address(args, 1);
  const order = address(args, 2);
  const groups = address(args, 3);
  let w = address(args, 4);
  const rows = word(args, 5);
  const count: usize = word(args, 6);
  const format = word(args, 7);
  const chunk = word(args, 8);
  const divisor = word(args, 9);
  const most = word(args, 10);
  const xs = scratch(args, part);
  const ys = xs + 4 * most;
  const wide = (ys + 4 * most + 63) & ~63;
  if (word(args, 11) == 1) {
    const packed = wide + rowsScratch(count, format);
    packInput(packed, x, count, format);
    x = packed;
  }
  const bytes = inputBytes(count, format);
  const expertBytes = weightBytes(word(args, 13), count, format);
  w += weightBytes(word(args, 14), count, format);
  const chunks = (rows + chunk - 1) / chunk;
  const pieces = load<u32>(groups) * chunks;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const group = groups + 4 + (piece / chunks) * GROUP_BYTES;
    const from = load<u32>(group, 4);
    const slots = load<u32>(group, 8) - from;
    const first = (piece % chunks) * chunk;
    const some = min(chunk, rows - first);
    for (let i: u32 = 0; i < slots; i++) {
      const slot = load<u32>(order + 4 * (from + i));
      store<u32>(xs + 4 * i, <u32>(x + (slot / divisor) * bytes));
      store<u32>(ys + 4 * i, <u32>(y + (slot * rows + first) * 4));
    }
    const at = w + load<u32>(group) * expertBytes + weightBytes(first, count, format);
    rowsForTokens(ys, xs, slots, at, some, count, 0, format, wide, word(args, 12));
  }
}

/** to[f] = activation(both[f]) both[F + f] */
function gateHalf(to: usize, both: usize, inner: u32, relu2: u32): void {
  const up = both + inner * 4;
  for (let f: u32 = 0; f < inner; f += 4) {
    const rest = min<u32>(4, inner - f);
    const at: usize = f << 2;
    const g = rest == 4 ? v128.load(both + at) : loadEnd(both + at, rest);
    const u = rest == 4 ? v128.load(up + at) : loadEnd(up + at, rest);
    const positive = f32x4.max(g, f32x4.splat(0));
    const value = f32x4.mul(relu2 ? f32x4.mul(positive, positive) : silu4(g), u);
    if (rest == 4) v128.store(to + at, value);
    else storeEnd(to + at, value, rest);
  }
}

/** Packed inputs hidden[slot] from both[slot, 2 F]. Words: packed inputs, both, slots, F, relu2, format. Scratch memory: F floats. */
export function gateTokens(args: usize, part: u32, parts: u32): void {
  const inner = word(args, 3);
  const format = word(args, 5);
  const bytes = inputBytes(inner, format);
  const hidden = scratch(args, part);
  for (let slot = take(args); slot < word(args, 2); slot = take(args)) {
    gateHalf(hidden, address(args, 1) + slot * inner * 8, inner, word(args, 4));
    packInput(address(args, 0) + slot * bytes, hidden, inner, format);
  }
}
