/** y[R, N] = sum over parts of x[parts, R, n], in their order; n is N filled up to a multiple of 4. Words: y, x, R, N, parts. */
import { address, take, word } from '../command';
import { store4 } from '../lanes';

/** Rows of a piece. */
const PIECE: u32 = 64;

export function sumParts(args: usize, part: u32, parts: u32): void {
  const rows = word(args, 2);
  const count: usize = word(args, 3);
  const narrow = ((count + 3) & ~3) << 2;
  const apart = rows * narrow;
  for (let first = take(args) * PIECE; first < rows; first = take(args) * PIECE) {
    for (let row = first; row < min(rows, first + PIECE); row++) {
      for (let k: usize = 0; k < count; k += 4) {
        let from = address(args, 1) + row * narrow + (k << 2);
        let sum = v128.load(from);
        for (let i: u32 = 1; i < word(args, 4); i++) {
          from += apart;
          sum = f32x4.add(sum, v128.load(from));
        }
        store4(address(args, 0) + ((row * count + k) << 2), sum, count - k);
      }
    }
  }
}
