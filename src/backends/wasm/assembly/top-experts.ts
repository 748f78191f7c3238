/** Routing: the largest logits of each token, in pieces of one token. */
import { address, take, word } from './command';
import { softmaxGates } from './expert-gates';

/** Words: ids, gates, logits, T, X, A. */
export function topExperts(args: usize, part: u32, parts: u32): void {
  const count = word(args, 4);
  const active = word(args, 5);
  for (let t = take(args); t < word(args, 3); t = take(args)) {
    const ids = address(args, 0) + t * active * 4;
    const gates = address(args, 1) + t * active * 4;
    const logits = address(args, 2) + t * count * 4;
    for (let j: u32 = 0; j < active; j++) {
      let best: i32 = -1;
      for (let x: u32 = 0; x < count; x++) {
        let taken = false;
        for (let i: u32 = 0; i < j; i++) if (load<u32>(ids + 4 * i) == x) taken = true;
        if (!taken && (best < 0 || load<f32>(logits + 4 * x) > load<f32>(logits + 4 * best))) best = x;
      }
      store<i32>(ids + 4 * j, best);
      store<f32>(gates + 4 * j, load<f32>(logits + 4 * best));
    }
    softmaxGates(gates, active);
  }
}
