/** Rows added to rows of a target by their numbers, in pieces of columns, each in the order of the rows. Words: target, x, at, N, W, by. */
import { address, real, take, word } from '../command';
import { addScaled } from '../lanes';

/** Columns of a piece: whole cache lines. */
const PIECE: u32 = 64;

export function addRows(args: usize, part: u32, parts: u32): void {
  const rows = word(args, 3);
  const width = word(args, 4);
  const by = real(args, 5);
  for (let first = take(args) * PIECE; first < width; first = take(args) * PIECE) {
    const some = min(PIECE, width - first);
    for (let n: u32 = 0; n < rows; n++) {
      const row: usize = load<u32>(address(args, 2) + (n << 2));
      addScaled(address(args, 0) + ((row * width + first) << 2), by, address(args, 1) + ((n * width + first) << 2), some);
    }
  }
}
