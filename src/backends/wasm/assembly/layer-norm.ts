/** See norms.ts for the words. */
import { address, real, take, word } from './command';
import { apply, squares, sum } from './norms';

export function layerNorm(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 5);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const at = t * (count << 2);
    const x = address(args, 1) + at;
    const mean = sum(x, count) / <f32>count;
    const variance = squares(x, count, -mean) / <f32>count;
    const factor: f32 = 1 / sqrt<f32>(variance + real(args, 6));
    apply(address(args, 0) + at, x, address(args, 2), address(args, 3), count, -mean, factor);
  }
}
