/** Numbers moved towards their rounded values: see ops/round-in-training.ts. */
import { address, real, take, word } from './command';
import { loadEnd, storeEnd } from './lanes';
import { meanOfSizes } from './sum-squares';

/** No scale is that of smaller numbers. */
const LEAST: f32 = 1e-5;

const PIECE: u32 = 8192;

/** x + lambda (Q(x) - x) over `count` numbers. */
function move(to: usize, x: usize, count: usize, scale: f32, least: f32, most: f32, lambda: f32): void {
  const s = f32x4.splat(scale);
  const by = f32x4.splat(lambda);
  const low = f32x4.splat(least);
  const high = f32x4.splat(most);
  for (let i: usize = 0; i < count; i += 4) {
    const at = i << 2;
    const rest = count - i;
    const value = rest >= 4 ? v128.load(x + at) : loadEnd(x + at, rest);
    const code = f32x4.min(f32x4.max(f32x4.nearest(f32x4.mul(value, s)), low), high);
    const moved = f32x4.add(value, f32x4.mul(by, f32x4.sub(f32x4.div(code, s), value)));
    if (rest >= 4) v128.store(to + at, moved);
    else storeEnd(to + at, moved, rest);
  }
}

/** Words: y, w, count, sums of sizes, lambda. */
export function trainTernary(args: usize, part: u32, parts: u32): void {
  const count = word(args, 2);
  const scale: f32 = 1 / max<f32>(meanOfSizes(address(args, 3), count), LEAST);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const at: usize = first << 2;
    move(address(args, 0) + at, address(args, 1) + at, min(PIECE, count - first), scale, -1, 1, real(args, 4));
  }
}

/** In pieces of one row. Words: y, x, T, J, lambda. */
export function trainInt8(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 3);
  for (let t = take(args); t < word(args, 2); t = take(args)) {
    const at = t * (count << 2);
    const x = address(args, 1) + at;
    let largest = f32x4.splat(LEAST);
    let i: usize = 0;
    for (; i + 4 <= count; i += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(x + (i << 2))));
    if (i < count) largest = f32x4.max(largest, f32x4.abs(loadEnd(x + (i << 2), count - i)));
    const most = max(
      max(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1)),
      max(f32x4.extract_lane(largest, 2), f32x4.extract_lane(largest, 3)),
    );
    move(address(args, 0) + at, x, count, 127 / most, -128, 127, real(args, 4));
  }
}
