/** Rows times a number, once for each head, in pieces of one token. Words: z, x, T, M, heads, by. */
import { address, real, take, word } from '../command';
import { loadEnd, storeEnd } from '../lanes';

export function repeatHeads(args: usize, part: u32, parts: u32): void {
  const count: usize = word(args, 3);
  const heads: usize = word(args, 4);
  const by = f32x4.splat(real(args, 5));
  const bytes = count << 2;
  for (let t = take(args); t < word(args, 2); t = take(args)) {
    const x = address(args, 1) + t * bytes;
    const z = address(args, 0) + t * heads * bytes;
    for (let i: usize = 0; i < count; i += 4) {
      const rest = count - i;
      const at = i << 2;
      const value = f32x4.mul(by, rest >= 4 ? v128.load(x + at) : loadEnd(x + at, rest));
      for (let to = z + at; to < z + heads * bytes; to += bytes) {
        if (rest >= 4) v128.store(to, value);
        else storeEnd(to, value, rest);
      }
    }
  }
}
