/** Backward of the gated sum over slots, in pieces of one token. Words: dz, dgates, z, gates, dy, T, A, M. */
import { address, take, word } from '../command';
import { dot, loadEnd, storeEnd } from '../lanes';

/** y[i] = a x[i] over `count` floats */
function scaleRow(y: usize, a: f32, x: usize, count: usize): void {
  const factor = f32x4.splat(a);
  for (const whole = x + ((count & ~3) << 2); x < whole; x += 16, y += 16) v128.store(y, f32x4.mul(factor, v128.load(x)));
  const rest = count & 3;
  if (rest) storeEnd(y, f32x4.mul(factor, loadEnd(x, rest)), rest);
}

export function sumSlotsBackward(args: usize, part: u32, parts: u32): void {
  const active = word(args, 6);
  const width: usize = word(args, 7);
  const bytes = width << 2;
  for (let t = take(args); t < word(args, 5); t = take(args)) {
    const dy = address(args, 4) + t * bytes;
    for (let slot = t * active; slot < (t + 1) * active; slot++) {
      store<f32>(address(args, 1) + 4 * slot, dot(address(args, 2) + slot * bytes, dy, width));
      scaleRow(address(args, 0) + slot * bytes, load<f32>(address(args, 3) + 4 * slot), dy, width);
    }
  }
}
