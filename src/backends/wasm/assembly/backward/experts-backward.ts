/**
 * Backward of experts, besides its products (expert-products.ts). The rows of all slots (t A + j) stand at the places that groupByExpert gave them: those of an expert
 * together, in the order of their tokens.
 */
import { address, scratch, take, word } from '../command';
import { blockRow } from '../embed';
import { GROUP_BYTES } from '../expert-outputs';
import { floatRowsForTokens } from '../float-rows';
import { addScaled, load4, store4 } from '../lanes';
import { weightBytes } from '../linear';
import { inputBytes } from '../packed-inputs';
import { F32, Q4, Q8 } from '../weights';
import { inner, power, slope, value } from './gate-backward';

/** Places of a piece. */
const PIECE: u32 = 8;

/** Number of places that have slots. */
// @ts-ignore: decorator
@inline
function placesOf(groups: usize): u32 {
  const count: usize = load<u32>(groups);
  return count ? load<u32>(groups + 4 + (count - 1) * GROUP_BYTES, 8) : 0;
}

/** to[place] = x[slot of place / divisor]; and the place of each slot, if there is a list for it. Words: to, x, order, groups, divisor, width, places or 0. */
export function gatherByExpert(args: usize, part: u32, parts: u32): void {
  const count = placesOf(address(args, 3));
  const divisor = word(args, 4);
  const bytes: usize = word(args, 5) << 2;
  const places = address(args, 6);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    for (let place = first; place < min(count, first + PIECE); place++) {
      const slot = load<u32>(address(args, 2) + 4 * place);
      memory.copy(address(args, 0) + place * bytes, address(args, 1) + (slot / divisor) * bytes, bytes);
      if (places) store<u32>(places + 4 * slot, place);
    }
  }
}

/**
 * y[place] = w[expert of place] x[slot of place / divisor], with weights of blocks as floats, and inputs that are not rounded. Words: y, packed inputs (of
 * floats), order, groups, w, rows, inner, format, chunk, divisor, most slots of an expert, tokens of a tile. Scratch memory as of `linear` for that many slots and
 * floats, and for weights in blocks a chunk of rows.
 */
export function exactByExpert(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const groups = address(args, 3);
  const w = address(args, 4);
  const rows = word(args, 5);
  const count: usize = word(args, 6);
  const format = word(args, 7);
  const chunk = word(args, 8);
  const most = word(args, 10);
  const xs = scratch(args, part);
  const ys = xs + 4 * most;
  const floats = (ys + 4 * most + 63) & ~63;
  const wide = format < Q8 ? floats : floats + chunk * (count << 2);
  const bytes = inputBytes(count, format < Q8 ? format : F32);
  const expertBytes = weightBytes(rows, count, format);
  const chunks = (rows + chunk - 1) / chunk;
  const pieces = load<u32>(groups) * chunks;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const group = groups + 4 + (piece / chunks) * GROUP_BYTES;
    const from = load<u32>(group, 4);
    const slots = load<u32>(group, 8) - from;
    const first = (piece % chunks) * chunk;
    const some = min(chunk, rows - first);
    for (let i: u32 = 0; i < slots; i++) {
      const slot = load<u32>(address(args, 2) + 4 * (from + i));
      store<u32>(xs + 4 * i, <u32>(address(args, 1) + (slot / word(args, 9)) * bytes));
      store<u32>(ys + 4 * i, <u32>(y + ((from + i) * rows + first) * 4));
    }
    let matrix = w + load<u32>(group) * expertBytes;
    if (format < Q8) matrix += weightBytes(first, count, format);
    else {
      for (let row: u32 = 0; row < some; row++) blockRow(floats + row * (count << 2), matrix, first + row, count, format == Q4, 1);
      matrix = floats;
    }
    floatRowsForTokens(ys, xs, slots, matrix, some, count, 0, format < Q8 ? format : F32, wide, word(args, 11));
  }
}

// @ts-ignore: decorator
@inline
function gateRows(args: usize, silu: bool): void {
  const count = placesOf(address(args, 2));
  const width: usize = word(args, 3);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    for (let place = first; place < min(count, first + PIECE); place++) {
      const gs = address(args, 0) + place * (width << 3);
      const us = gs + (width << 2);
      const hidden = address(args, 1) + place * (width << 2);
      for (let i: usize = 0; i < width; i += 4) {
        const at: usize = i << 2;
        const rest = width - i;
        const g = load4(gs + at, rest);
        const u = load4(us + at, rest);
        const dy = load4(hidden + at, rest);
        const e = power(silu, g);
        const s = inner(silu, e);
        const activated = value(silu, g, s);
        store4(gs + at, f32x4.mul(f32x4.mul(dy, u), slope(silu, g, s, e)), rest);
        store4(us + at, f32x4.mul(dy, activated), rest);
        store4(hidden + at, f32x4.mul(activated, u), rest);
      }
    }
  }
}

/** g and u of each place become their gradients, and that of activation(g) u becomes this itself. Words: both [places, 2 F], hidden [places, F], groups, F. */
export function gateByExpertSilu(args: usize, part: u32, parts: u32): void {
  gateRows(args, true);
}

export function gateByExpertRelu2(args: usize, part: u32, parts: u32): void {
  gateRows(args, false);
}

/** y[t] = sum over the slots of t, in their order, of x[place of slot]. Words: y, x, places, ids, T, A, X, M. */
export function sumPlaces(args: usize, part: u32, parts: u32): void {
  const active = word(args, 5);
  const width: usize = word(args, 7);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const y = address(args, 0) + t * (width << 2);
    memory.fill(y, 0, width << 2);
    for (let slot = t * active; slot < (t + 1) * active; slot++) {
      if (load<u32>(address(args, 3) + 4 * slot) >= word(args, 6)) continue;
      addScaled(y, 1, address(args, 1) + load<u32>(address(args, 2) + 4 * slot) * (width << 2), width);
    }
  }
}
