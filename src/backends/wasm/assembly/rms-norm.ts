/** See norms.ts for the words. */
import { address, real, take, word } from './command';
import { apply, squares } from './norms';

export function rmsNorm(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const at = t * (count << 2);
    const x = address(args, 1) + at;
    const factor: f32 = 1 / sqrt<f32>(squares(x, count, 0) / <f32>count + real(args, 6));
    apply(address(args, 0) + at, x, address(args, 2), 0, count, 0, factor);
  }
}
