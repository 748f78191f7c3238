/** Copies bytes. Words: to, from, bytes. */
import { address, take, word } from './command';

const PIECE: u32 = 1 << 18;

export function assign(args: usize, part: u32, parts: u32): void {
  const bytes = word(args, 2);
  for (let at = take(args) * PIECE; at < bytes; at = take(args) * PIECE) {
    memory.copy(address(args, 0) + at, address(args, 1) + at, min(PIECE, bytes - at));
  }
}
