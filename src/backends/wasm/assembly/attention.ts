/** Attention in one step: see attention-tiles.ts for the words, and how the work is cut. */
import { applyGains, firstToken, headPieces, keysOf, probabilities, rowBytesOf, tiles, weighTile, zBytesOf } from './attention-tiles';
import { address, scratch, take, word } from './command';

export function attention(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 4);
  const keyHeads = word(args, 6);
  const group = word(args, 5) / keyHeads;
  const most = word(args, 10) * word(args, 11) * group;
  const seen = scratch(args, part);
  const p = seen + ((most + 3) & ~3) * 4;
  const perTile = headPieces(args);
  const sequences = word(args, 18);
  const pieces = tiles(args) * sequences * perTile;
  for (let i = take(args); i < pieces; i = take(args)) {
    const sequence = (i / perTile) % sequences;
    const z = p + (most + 1) * rowBytesOf(keysOf(args, sequence)); // behind the rows are the scales of the values
    const spare = z + most * zBytesOf(word(args, 9));
    const first = firstToken(args, i / perTile / sequences);
    const some = min(word(args, 10), tokens - first);
    const keyHead = (i % perTile) * word(args, 11);
    const many = min(word(args, 11), keyHeads - keyHead);
    const sees = probabilities(args, p, spare, sequence, first, some, keyHead, many);
    if (address(args, 19)) {
      const scales = p + most * rowBytesOf(keysOf(args, sequence)); // free until values are weighed
      applyGains(args, p, scales, sequence, some * group, keyHead, many, sees + some - 1);
    }
    for (let r: u32 = 0; r < some * group; r++) store<u32>(seen + (r << 2), sees + r / group);
    weighTile(args, p, seen, z, spare, sequence, first, some, keyHead, many);
  }
}
