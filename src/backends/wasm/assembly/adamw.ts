/**
 * A step of AdamW, in pieces of the flat array. Words: p, g, m, v, count, scale of the gradient, 1 - lr decay, beta1, 1 - beta1, beta2,
 * 1 - beta2, lr / (1 - beta1^step), 1 / sqrt(1 - beta2^step), eps.
 */
import { address, real, take, word } from './command';
import { loadEnd, storeEnd } from './lanes';

const PIECE: u32 = 4096;

export function adamw(args: usize, part: u32, parts: u32): void {
  const ps = address(args, 0);
  const gs = address(args, 1);
  const ms = address(args, 2);
  const vs = address(args, 3);
  const count = word(args, 4);
  const scale = f32x4.splat(real(args, 5));
  const keep = f32x4.splat(real(args, 6));
  const keepM = f32x4.splat(real(args, 7));
  const addM = f32x4.splat(real(args, 8));
  const keepV = f32x4.splat(real(args, 9));
  const addV = f32x4.splat(real(args, 10));
  const rate = f32x4.splat(real(args, 11));
  const correction = f32x4.splat(real(args, 12));
  const eps = f32x4.splat(real(args, 13));
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const end = min(first + PIECE, count);
    for (let i = first; i < end; i += 4) {
      const at: usize = i << 2;
      const rest = end - i;
      const whole = rest >= 4;
      const g = f32x4.mul(scale, whole ? v128.load(gs + at) : loadEnd(gs + at, rest));
      const oldM = whole ? v128.load(ms + at) : loadEnd(ms + at, rest);
      const oldV = whole ? v128.load(vs + at) : loadEnd(vs + at, rest);
      const oldP = whole ? v128.load(ps + at) : loadEnd(ps + at, rest);
      const m = f32x4.add(f32x4.mul(keepM, oldM), f32x4.mul(addM, g));
      const v = f32x4.add(f32x4.mul(keepV, oldV), f32x4.mul(addV, f32x4.mul(g, g)));
      const size = f32x4.add(f32x4.mul(f32x4.sqrt(v), correction), eps);
      const p = f32x4.sub(f32x4.mul(oldP, keep), f32x4.mul(rate, f32x4.div(m, size)));
      if (whole) {
        v128.store(ms + at, m);
        v128.store(vs + at, v);
        v128.store(ps + at, p);
      } else {
        storeEnd(ms + at, m, rest);
        storeEnd(vs + at, v, rest);
        storeEnd(ps + at, p, rest);
      }
    }
  }
}
