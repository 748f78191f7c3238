/**
 * The loops of attention, on rows that lie in scratch memory: scores of queries, probabilities, sums of values. Numbers of a row do not depend
 * on the others; see attention.ts.
 */
import { expSmall4, madd, sumLanes, sumLanesOf4 } from './lanes';
import { lower, upper, widen } from './weights';

/** Formats of keys and values; see src/formats/key-values.ts. Rows of I8 begin with their scale. */
export const F32: u32 = 0;
const F16: u32 = 1;
const I8: u32 = 2;

/** Bytes of a row. */
// @ts-ignore: decorator
@inline
export function bytesOf(count: usize, format: u32): usize {
  return format == F32 ? count << 2 : format == F16 ? count << 1 : count + 4;
}

/** Where column `c` of a row begins. */
// @ts-ignore: decorator
@inline
function columnOf(c: usize, format: u32): usize {
  return format == F32 ? c << 2 : format == F16 ? c << 1 : c + 4;
}

/** Keys and columns of the values that are copied together, to lie close. */
const BLOCK: usize = 64;
const CHUNK: usize = 64;

/** Values are used where they lie when at most so many rows want them; so many keys at a time stay in the nearest cache. */
const FEW_ROWS: u32 = 4;
const FEW_KEYS: usize = 16;

/** e^x for x <= 0 within 2 units of the last place (Cephes expf); 2.5e-38 where x is lower still, NaN where it is NaN. */
// @ts-ignore: decorator
@inline
function expFalling4(x: v128): v128 {
  const y = f32x4.pmax(x, f32x4.splat(-86.5));
  // 1.5 * 2^23 moves the integer next to y / ln 2 into the lowest bits.
  const magic = f32x4.splat(12582912);
  const shifted = f32x4.add(f32x4.mul(y, f32x4.splat(1.44269504088896341)), magic);
  const n = f32x4.sub(shifted, magic);
  let r = madd(n, f32x4.splat(-0.693359375), y);
  r = madd(n, f32x4.splat(2.12194440e-4), r);
  return f32x4.mul(expSmall4(r), i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23));
}

// @ts-ignore: decorator
@inline
function store4(to: usize, codes: v128): void {
  v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(codes)));
  v128.store(to, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(codes)), 16);
}

/** int8 codes as f32. */
function widenCodes(to: usize, from: usize, count: usize): void {
  for (const whole = from + (count & ~15); from < whole; from += 16, to += 64) {
    const codes = v128.load(from);
    store4(to, i16x8.extend_low_i8x16_s(codes));
    store4(to + 32, i16x8.extend_high_i8x16_s(codes));
  }
  for (const end = from + (count & 15); from < end; from++, to += 4) store<f32>(to, <f32>load<i8>(from));
}

function widenHalves(to: usize, from: usize, count: usize): void {
  for (const whole = from + ((count & ~7) << 1); from < whole; from += 16, to += 32) {
    const x = v128.load(from);
    v128.store(to, lower<i16>(x));
    v128.store(to, upper<i16>(x), 16);
  }
  widen<i16>(to, from, count & 7);
}

/** `count` numbers as f32, then zeros up to `padded`. */
export function copyPadded(to: usize, from: usize, count: usize, padded: usize, format: u32): void {
  if (format == F32) memory.copy(to, from, count << 2);
  else if (format == F16) widenHalves(to, from, count);
  else widenCodes(to, from, count);
  if (padded > count) memory.fill(to + (count << 2), 0, (padded - count) << 2);
}

/** Scores of two queries and four keys; `bytes` of a query are a multiple of 16. */
function scores2(to: usize, toNext: usize, q: usize, qNext: usize, k: usize, stride: usize, bytes: usize, scale: v128): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let b3 = a0;
  let k1 = k + stride;
  let k2 = k1 + stride;
  let k3 = k2 + stride;
  for (const whole = q + (bytes & ~31); q < whole; q += 32) {
    let u = v128.load(q);
    let v = v128.load(qNext);
    let x = v128.load(k);
    a0 = madd(u, x, a0);
    b0 = madd(v, x, b0);
    x = v128.load(k1);
    a1 = madd(u, x, a1);
    b1 = madd(v, x, b1);
    x = v128.load(k2);
    a2 = madd(u, x, a2);
    b2 = madd(v, x, b2);
    x = v128.load(k3);
    a3 = madd(u, x, a3);
    b3 = madd(v, x, b3);
    u = v128.load(q, 16);
    v = v128.load(qNext, 16);
    x = v128.load(k, 16);
    a0 = madd(u, x, a0);
    b0 = madd(v, x, b0);
    x = v128.load(k1, 16);
    a1 = madd(u, x, a1);
    b1 = madd(v, x, b1);
    x = v128.load(k2, 16);
    a2 = madd(u, x, a2);
    b2 = madd(v, x, b2);
    x = v128.load(k3, 16);
    a3 = madd(u, x, a3);
    b3 = madd(v, x, b3);
    qNext += 32;
    k += 32;
    k1 += 32;
    k2 += 32;
    k3 += 32;
  }
  if (bytes & 16) {
    const u = v128.load(q);
    const v = v128.load(qNext);
    let x = v128.load(k);
    a0 = madd(u, x, a0);
    b0 = madd(v, x, b0);
    x = v128.load(k1);
    a1 = madd(u, x, a1);
    b1 = madd(v, x, b1);
    x = v128.load(k2);
    a2 = madd(u, x, a2);
    b2 = madd(v, x, b2);
    x = v128.load(k3);
    a3 = madd(u, x, a3);
    b3 = madd(v, x, b3);
  }
  v128.store(to, f32x4.mul(scale, sumLanesOf4(a0, a1, a2, a3)));
  v128.store(toNext, f32x4.mul(scale, sumLanesOf4(b0, b1, b2, b3)));
}

/** Scores of one query and four keys. */
function scores1(to: usize, q: usize, k: usize, stride: usize, bytes: usize, scale: v128): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let a3 = a0;
  let k1 = k + stride;
  let k2 = k1 + stride;
  let k3 = k2 + stride;
  for (const end = q + bytes; q < end; q += 16) {
    const u = v128.load(q);
    a0 = madd(u, v128.load(k), a0);
    a1 = madd(u, v128.load(k1), a1);
    a2 = madd(u, v128.load(k2), a2);
    a3 = madd(u, v128.load(k3), a3);
    k += 16;
    k1 += 16;
    k2 += 16;
    k3 += 16;
  }
  v128.store(to, f32x4.mul(scale, sumLanesOf4(a0, a1, a2, a3)));
}

/**
 * Scores of the rows of a tile over those of the keys `begin`..`end` that they see, and of up to 3 more. Row r sees the first
 * `seen + r / group` keys; rows of q are padded to `bytes`. `spare` holds four keys.
 */
export function scoreRows(
  scores: usize,
  rowBytes: usize,
  rows: u32,
  group: u32,
  seen: u32,
  q: usize,
  bytes: usize,
  k: usize,
  stride: usize,
  d: usize,
  spare: usize,
  factor: f32,
  format: u32,
  begin: u32,
  end: u32,
): void {
  for (let s = begin; s < end; s += 4) {
    let from = k + s * stride;
    let step = stride;
    let scale = f32x4.splat(factor);
    if (format == I8) {
      const last = end - 1; // its scale serves for keys that do not exist
      const scales = f32x4(
        load<f32>(from),
        load<f32>(k + min(s + 1, last) * stride),
        load<f32>(k + min(s + 2, last) * stride),
        load<f32>(k + min(s + 3, last) * stride),
      );
      scale = f32x4.mul(scale, scales);
    }
    if (end - s < 4 || d << 2 != bytes || format != F32) {
      for (let i: u32 = 0; i < 4; i++) {
        if (s + i < end) copyPadded(spare + i * bytes, from + i * stride + columnOf(0, format), d, bytes >> 2, format);
        else memory.fill(spare + i * bytes, 0, bytes);
      }
      from = spare;
      step = bytes;
    }
    // Each key is loaded once for all rows that see it.
    let row: u32 = s < seen ? 0 : (s - seen + 1) * group;
    let to = scores + row * rowBytes + (s << 2);
    let query = q + row * bytes;
    for (; row + 2 <= rows; row += 2) {
      scores2(to, to + rowBytes, query, query + bytes, from, step, bytes, scale);
      to += 2 * rowBytes;
      query += 2 * bytes;
    }
    if (row < rows) scores1(to, query, from, step, bytes, scale);
  }
}

/** Replaces `count` scores by their softmax. What follows up to a multiple of 4 becomes zero. */
export function softmax(scores: usize, count: usize): void {
  const end = scores + ((count & ~3) << 2);
  const rest = count & 3;
  const inside = i32x4.gt_s(i32x4.splat(<i32>rest), i32x4(0, 1, 2, 3));
  let largest = f32x4.splat(-Infinity);
  for (let at = scores; at < end; at += 16) largest = f32x4.pmax(largest, v128.load(at));
  if (rest) largest = f32x4.pmax(largest, v128.bitselect(v128.load(end), largest, inside));
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  largest = f32x4.pmax(largest, v128.shuffle<f32>(largest, largest, 1, 0, 3, 2));
  let sum = f32x4.splat(0);
  for (let at = scores; at < end; at += 16) {
    const e = expFalling4(f32x4.sub(v128.load(at), largest));
    v128.store(at, e);
    sum = f32x4.add(sum, e);
  }
  if (rest) {
    const e = v128.and(expFalling4(f32x4.sub(v128.load(end), largest)), inside);
    v128.store(end, e);
    sum = f32x4.add(sum, e);
  }
  const factor: f32 = 1 / sumLanes(sum);
  const f = f32x4.splat(factor);
  for (let at = scores; at < scores + (count << 2); at += 16) v128.store(at, f32x4.mul(v128.load(at), f));
}

/** z += sum p[s] v[s] of two rows, over 16 columns of `count` values. */
export function weigh2(z: usize, zNext: usize, p: usize, pNext: usize, v: usize, stride: usize, count: usize): void {
  let a0 = v128.load(z);
  let a1 = v128.load(z, 16);
  let a2 = v128.load(z, 32);
  let a3 = v128.load(z, 48);
  let b0 = v128.load(zNext);
  let b1 = v128.load(zNext, 16);
  let b2 = v128.load(zNext, 32);
  let b3 = v128.load(zNext, 48);
  for (const end = p + (count << 2); p < end; p += 4, pNext += 4, v += stride) {
    const weight = v128.load32_splat(p);
    const next = v128.load32_splat(pNext);
    let x = v128.load(v);
    a0 = madd(weight, x, a0);
    b0 = madd(next, x, b0);
    x = v128.load(v, 16);
    a1 = madd(weight, x, a1);
    b1 = madd(next, x, b1);
    x = v128.load(v, 32);
    a2 = madd(weight, x, a2);
    b2 = madd(next, x, b2);
    x = v128.load(v, 48);
    a3 = madd(weight, x, a3);
    b3 = madd(next, x, b3);
  }
  v128.store(z, a0);
  v128.store(z, a1, 16);
  v128.store(z, a2, 32);
  v128.store(z, a3, 48);
  v128.store(zNext, b0);
  v128.store(zNext, b1, 16);
  v128.store(zNext, b2, 32);
  v128.store(zNext, b3, 48);
}

/** z += sum p[s] v[s] of one row, over 16 columns. */
function weigh1(z: usize, p: usize, v: usize, stride: usize, count: usize): void {
  let a0 = v128.load(z);
  let a1 = v128.load(z, 16);
  let a2 = v128.load(z, 32);
  let a3 = v128.load(z, 48);
  for (const end = p + (count << 2); p < end; p += 4, v += stride) {
    const weight = v128.load32_splat(p);
    a0 = madd(weight, v128.load(v), a0);
    a1 = madd(weight, v128.load(v, 16), a1);
    a2 = madd(weight, v128.load(v, 32), a2);
    a3 = madd(weight, v128.load(v, 48), a3);
  }
  v128.store(z, a0);
  v128.store(z, a1, 16);
  v128.store(z, a2, 32);
  v128.store(z, a3, 48);
}

/** Multiplies some numbers of each row with the scales of their values. */
function scaleRows(p: usize, pBytes: usize, rows: u32, v: usize, stride: usize, keys: usize, scales: usize): void {
  for (let i: usize = 0; i < keys; i++, v += stride) store<f32>(scales + (i << 2), load<f32>(v));
  // Up to a multiple of 4; nobody uses what lies behind the last key.
  for (let r: u32 = 0; r < rows; r++, p += pBytes) {
    for (let i: usize = 0; i < keys << 2; i += 16) v128.store(p + i, f32x4.mul(v128.load(p + i), v128.load(scales + i)));
  }
}

/**
 * z[rows, padded Dv] += p[rows, ...] v, over the keys `begin`..`end`, of which row r sees the first seen[r]. `spare` holds BLOCK values
 * of CHUNK columns, or fewer when there are not as many, `scales` BLOCK numbers.
 */
export function weighRows(
  z: usize,
  zBytes: usize,
  p: usize,
  pBytes: usize,
  seen: usize,
  rows: u32,
  v: usize,
  stride: usize,
  dv: usize,
  spare: usize,
  scales: usize,
  format: u32,
  begin: usize,
  end: usize,
): void {
  const inPlace = format == F32 && rows <= FEW_ROWS && dv << 2 == zBytes;
  const block = inPlace ? FEW_KEYS : BLOCK;
  for (let s = begin; s < end; s += block) {
    const keys = min(block, end - s);
    if (format == I8) scaleRows(p + (s << 2), pBytes, rows, v + s * stride, stride, keys, scales);
    for (let c: usize = 0; c < zBytes; c += CHUNK << 2) {
      const bytes = min(CHUNK << 2, zBytes - c);
      let from = v + s * stride + columnOf(c >> 2, format);
      let step = stride;
      if (!inPlace) {
        const columns = min(CHUNK, dv - (c >> 2));
        for (let i: usize = 0; i < keys; i++) {
          copyPadded(spare + i * bytes, from + i * stride, columns, bytes >> 2, format);
        }
        from = spare;
        step = bytes;
      }
      for (let r: u32 = 0; r < rows; r += 2) {
        const here: usize = load<u32>(seen + (r << 2));
        const next: usize = r + 1 < rows ? load<u32>(seen + (r << 2), 4) : 0;
        const count = here > s ? min(keys, here - s) : 0;
        const countNext = next > s ? min(keys, next - s) : 0;
        const both = min(count, countNext);
        const pRow = p + r * pBytes + (s << 2);
        const zRow = z + r * zBytes + c;
        for (let x: usize = 0; x < bytes; x += 64) {
          if (both) weigh2(zRow + x, zRow + zBytes + x, pRow, pRow + pBytes, from + x, step, both);
          const later = from + x + both * step;
          if (count > both) weigh1(zRow + x, pRow + (both << 2), later, step, count - both);
          if (countNext > both) weigh1(zRow + zBytes + x, pRow + pBytes + (both << 2), later, step, countNext - both);
        }
      }
    }
  }
}
