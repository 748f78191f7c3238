/** Clears bytes. Words: to, bytes. */
import { address, take, word } from './command';

const PIECE: u32 = 1 << 18;

export function zeros(args: usize, part: u32, parts: u32): void {
  const bytes = word(args, 1);
  for (let at = take(args) * PIECE; at < bytes; at = take(args) * PIECE) {
    memory.fill(address(args, 0) + at, 0, min(PIECE, bytes - at));
  }
}
