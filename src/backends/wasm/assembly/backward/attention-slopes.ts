/** Of a page of keys, from probabilities and the products of dz and v: the gradients of scores, and what values are weighed with. */

/** Bytes of the rows of ds and gains: those of a page. */
const PAGE_BYTES: usize = 256;

/** scale p (gain dp - mean) */
// @ts-ignore: decorator
@inline
function slope(p: v128, dp: v128, gain: v128, mean: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.mul(scale, p), f32x4.sub(f32x4.mul(gain, dp), mean));
}

/** Which of four keys from `s` on are among the first `count`. */
// @ts-ignore: decorator
@inline
function inside(count: i32, s: i32): v128 {
  return i32x4.gt_s(i32x4.splat(count - s), i32x4(0, 1, 2, 3));
}

/** Four vectors, turned: the first numbers of all at `to`, the second `apart` bytes further, and so on. */
// @ts-ignore: decorator
@inline
export function storeTurned(to: usize, apart: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const ba = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const dc = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to + apart, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
  v128.store(to + 2 * apart, v128.shuffle<f32>(ba, dc, 0, 1, 4, 5));
  v128.store(to + 3 * apart, v128.shuffle<f32>(ba, dc, 2, 3, 6, 7));
}

/**
 * ds replaces the products [rows, keys] there, gain p is stored at `weights` likewise, and ds also by keys, `turned` bytes for each, at `dsTurned`. Row r sees the first
 * counts[r] keys of the page; for others up to `keys`, and for rows up to a multiple of 4, there are zeros. Row r has the gains of head r % group.
 */
export function slopeRows(
  p: usize,
  pBytes: usize,
  ds: usize,
  dsTurned: usize,
  weights: usize,
  turned: usize,
  counts: usize,
  means: usize,
  gains: usize,
  rows: u32,
  group: u32,
  factor: f32,
  keys: u32,
): void {
  const scale = f32x4.splat(factor);
  for (let r: u32 = 0; r < rows; r += 4) {
    const at: usize = r << 2;
    const count0 = load<i32>(counts + at);
    const count1 = load<i32>(counts + at, 4);
    const count2 = load<i32>(counts + at, 8);
    const count3 = load<i32>(counts + at, 12);
    const mean0 = v128.load32_splat(means + at);
    const mean1 = v128.load32_splat(means + at, 4);
    const mean2 = v128.load32_splat(means + at, 8);
    const mean3 = v128.load32_splat(means + at, 12);
    let gain0 = gains + (r % group) * PAGE_BYTES;
    let gain1 = gains + ((r + 1) % group) * PAGE_BYTES;
    let gain2 = gains + ((r + 2) % group) * PAGE_BYTES;
    let gain3 = gains + ((r + 3) % group) * PAGE_BYTES;
    let p0 = p + r * pBytes;
    let d0 = ds + r * PAGE_BYTES;
    let toDs = dsTurned + at;
    let w0 = weights + r * PAGE_BYTES;
    for (let s: u32 = 0; s < keys; s += 4) {
      const mask0 = inside(count0, s);
      const mask1 = inside(count1, s);
      const mask2 = inside(count2, s);
      const mask3 = inside(count3, s);
      const a = v128.and(v128.load(p0), mask0);
      const b = v128.and(v128.load(p0 + pBytes), mask1);
      const c = v128.and(v128.load(p0 + 2 * pBytes), mask2);
      const d = v128.and(v128.load(p0 + 3 * pBytes), mask3);
      const g0 = v128.load(gain0);
      const g1 = v128.load(gain1);
      const g2 = v128.load(gain2);
      const g3 = v128.load(gain3);
      v128.store(w0, f32x4.mul(a, g0));
      v128.store(w0, f32x4.mul(b, g1), PAGE_BYTES);
      v128.store(w0, f32x4.mul(c, g2), 2 * PAGE_BYTES);
      v128.store(w0, f32x4.mul(d, g3), 3 * PAGE_BYTES);
      const da = v128.and(slope(a, v128.load(d0), g0, mean0, scale), mask0);
      const db = v128.and(slope(b, v128.load(d0, PAGE_BYTES), g1, mean1, scale), mask1);
      const dc = v128.and(slope(c, v128.load(d0, 2 * PAGE_BYTES), g2, mean2, scale), mask2);
      const dd = v128.and(slope(d, v128.load(d0, 3 * PAGE_BYTES), g3, mean3, scale), mask3);
      v128.store(d0, da);
      v128.store(d0, db, PAGE_BYTES);
      v128.store(d0, dc, 2 * PAGE_BYTES);
      v128.store(d0, dd, 3 * PAGE_BYTES);
      storeTurned(toDs, turned, da, db, dc, dd);
      p0 += 16;
      d0 += 16;
      w0 += 16;
      gain0 += 16;
      gain1 += 16;
      gain2 += 16;
      gain3 += 16;
      toDs += 4 * turned;
    }
  }
}
