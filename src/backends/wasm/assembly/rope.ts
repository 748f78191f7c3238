/** Rotary positions, in pieces of one token. */
import { address, take, word } from './command';
import { loadEnd, storeEnd } from './lanes';

/** Words: y, x, cos, sin, T, H, D. */
export function rope(args: usize, part: u32, parts: u32): void {
  const heads = word(args, 5);
  const half: usize = word(args, 6) >> 1;
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const cos = address(args, 2) + t * (half << 2);
    const sin = address(args, 3) + t * (half << 2);
    for (let h: u32 = 0; h < heads; h++) {
      const row: usize = (t * heads + h) * (half << 3);
      const x = address(args, 1) + row;
      const y = address(args, 0) + row;
      for (let i: usize = 0; i < half; i += 4) {
        const rest = min<usize>(4, half - i);
        const lo = i << 2;
        const hi = (i + half) << 2;
        const whole = rest == 4;
        const c = whole ? v128.load(cos + lo) : loadEnd(cos + lo, rest);
        const s = whole ? v128.load(sin + lo) : loadEnd(sin + lo, rest);
        const a = whole ? v128.load(x + lo) : loadEnd(x + lo, rest);
        const b = whole ? v128.load(x + hi) : loadEnd(x + hi, rest);
        const first = f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s));
        const second = f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s));
        if (whole) {
          v128.store(y + lo, first);
          v128.store(y + hi, second);
        } else {
          storeEnd(y + lo, first, rest);
          storeEnd(y + hi, second, rest);
        }
      }
    }
  }
}
