/** Rows as int8, in pieces of one token. Words: q, s, x, T, J. */
import { address, take, word } from './command';

/** Four numbers times a factor, as integers. */
// @ts-ignore: decorator
@inline
function rounded4(at: usize, by: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(at), by)));
}

/** s = 127 / max(max|x|, 1e-5), q = round(x s) to even, clamped. */
export function quantizeRows(args: usize, part: u32, parts: u32): void {
  const q = address(args, 0);
  const s = address(args, 1);
  const x = address(args, 2);
  const tokens = word(args, 3);
  const count: usize = word(args, 4);
  for (let t = take(args); t < tokens; t = take(args)) {
    const row = x + t * (count << 2);
    const codes = q + t * count;
    let largest = f32x4.splat(1e-5);
    const whole = count & ~3;
    for (let i: usize = 0; i < whole; i += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(row + (i << 2))));
    let most = max(
      max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
      max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
    );
    for (let i = whole; i < count; i++) most = max(most, abs(load<f32>(row + (i << 2))));
    const scale: f32 = 127 / most;
    store<f32>(s + 4 * t, scale);
    const by = f32x4.splat(scale);
    const vectors = count & ~15;
    for (let i: usize = 0; i < vectors; i += 16) {
      const at = row + (i << 2);
      const low = i16x8.narrow_i32x4_s(rounded4(at, by), rounded4(at + 16, by));
      const high = i16x8.narrow_i32x4_s(rounded4(at + 32, by), rounded4(at + 48, by));
      v128.store(codes + i, i8x16.narrow_i16x8_s(low, high));
    }
    for (let i = vectors; i < count; i++) {
      const code = nearest(load<f32>(row + (i << 2)) * scale);
      store<i8>(codes + i, <i8>max<f32>(-128, min<f32>(127, code)));
    }
  }
}
