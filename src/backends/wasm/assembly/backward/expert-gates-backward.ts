/** Backward of the weights of chosen experts, in pieces of one token. Words: dlogits, ids, gates, dgates, T, X, A. */
import { address, take, word } from '../command';
import { dot } from '../lanes';

export function expertGatesBackward(args: usize, part: u32, parts: u32): void {
  const count = word(args, 5);
  const active = word(args, 6);
  for (let t = take(args); t < word(args, 4); t = take(args)) {
    const to = address(args, 0) + t * count * 4;
    const first = t * active * 4;
    const ids = address(args, 1) + first;
    const gates = address(args, 2) + first;
    const given = address(args, 3) + first;
    const mean = dot(gates, given, active);
    memory.fill(to, 0, count * 4);
    for (let j: u32 = 0; j < active; j++) {
      const id = load<u32>(ids + 4 * j);
      if (id < count) store<f32>(to + 4 * id, load<f32>(gates + 4 * j) * (load<f32>(given + 4 * j) - mean));
    }
  }
}
