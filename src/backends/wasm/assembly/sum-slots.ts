/** The gated sum over slots, in pieces of one token. */
import { address, take, word } from './command';
import { addScaled } from './lanes';

/** y[t] = sum_j gates[t, j] z[t A + j]. Words: y, z, gates, T, A, M. */
export function sumSlots(args: usize, part: u32, parts: u32): void {
  const active = word(args, 4);
  const width: usize = word(args, 5);
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const y = address(args, 0) + t * (width << 2);
    memory.fill(y, 0, width << 2);
    for (let slot = t * active; slot < (t + 1) * active; slot++) {
      addScaled(y, load<f32>(address(args, 2) + 4 * slot), address(args, 1) + slot * (width << 2), width);
    }
  }
}
