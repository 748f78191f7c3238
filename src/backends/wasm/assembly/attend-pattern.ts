/** The second step of attention: see attention-tiles.ts for the words. */
import { applyGains, firstToken, rowBytesOf, tiles, weighTile, zBytesOf } from './attention-tiles';
import { address, scratch, take, word } from './command';

/** q is the pattern [H, T, S]; one sequence, pieces of one key head. Zeros at the end of its rows are what may not be seen, and are not looked at. */
export function attendPattern(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const keyHeads = word(args, 6);
  const keys = word(args, 7);
  const group = word(args, 5) / keyHeads;
  const most = word(args, 10) * group;
  const seen = scratch(args, part);
  const p = seen + ((most + 3) & ~3) * 4;
  const rowBytes = rowBytesOf(keys);
  const z = p + (most + 1) * rowBytes;
  const spare = z + most * zBytesOf(word(args, 9));
  for (let i = take(args); i < tiles(args) * keyHeads; i = take(args)) {
    const first = firstToken(args, i / keyHeads);
    const some = min(word(args, 10), tokens - first);
    for (let r: u32 = 0; r < some * group; r++) {
      const head = (i % keyHeads) * group + (r % group);
      const from = address(args, 1) + (head * tokens + first + r / group) * (keys << 2);
      let count = keys;
      while (count > 0 && load<f32>(from + ((count - 1) << 2)) == 0) count--;
      memory.copy(p + r * rowBytes, from, count << 2);
      store<u32>(seen + (r << 2), count);
    }
    if (address(args, 19)) applyGains(args, p, p + most * rowBytes, 0, some * group, i % keyHeads, 1, keys);
    weighTile(args, p, seen, z, spare, 0, first, some, i % keyHeads, 1);
  }
}
