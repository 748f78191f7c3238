/** The first step of attention: see attention-tiles.ts for the words. */
import { copyPadded, F32 } from './attention-rows';
import { firstToken, probabilities, rowBytesOf, tiles } from './attention-tiles';
import { address, scratch, take, word } from './command';

/** out[H, T, S]; one sequence, pieces of one key head. */
export function attentionPattern(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const keyHeads = word(args, 6);
  const keys = word(args, 7);
  const group = word(args, 5) / keyHeads;
  const p = scratch(args, part);
  const rowBytes = rowBytesOf(keys);
  const spare = p + word(args, 10) * group * rowBytes;
  for (let i = take(args); i < tiles(args) * keyHeads; i = take(args)) {
    const first = firstToken(args, i / keyHeads);
    const some = min(word(args, 10), tokens - first);
    const sees = probabilities(args, p, spare, 0, first, some, i % keyHeads, 1);
    for (let r: u32 = 0; r < some * group; r++) {
      const head = (i % keyHeads) * group + (r % group);
      const out = address(args, 0) + (head * tokens + first + r / group) * (keys << 2);
      copyPadded(out, p + r * rowBytes, sees + r / group, keys, F32);
    }
  }
}
