/** The sum over heads, in pieces of one token. */
import { address, real, take, word } from './command';
import { addScaled } from './lanes';

/** Words: y, z, T, H, M, by. */
export function sumHeads(args: usize, part: u32, parts: u32): void {
  const heads = word(args, 3);
  const width: usize = word(args, 4);
  const by = real(args, 5);
  for (let t = take(args); t < word(args, 2); t = take(args)) {
    const y = address(args, 0) + t * (width << 2);
    const z = address(args, 1) + t * heads * (width << 2);
    memory.fill(y, 0, width << 2);
    for (let h: u32 = 0; h < heads; h++) addScaled(y, by, z + h * (width << 2), width);
  }
}
