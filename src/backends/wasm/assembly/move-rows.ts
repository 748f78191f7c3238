/**
 * Copies rows as they are, for the ops writeRows, copyRows and gather. Words: to, from, how many rows, bytes of a row, and for either
 * side 0 or the address of the rows' numbers there; without numbers the rows lie in order.
 */
import { address, take, word } from './command';

const PIECE: u32 = 1 << 16;

// @ts-ignore: decorator
@inline
function rowAt(args: usize, side: usize, n: u32): usize {
  const at = address(args, 4 + side);
  const row: usize = at ? load<u32>(at + (n << 2)) : n;
  return address(args, side) + row * word(args, 3);
}

export function moveRows(args: usize, part: u32, parts: u32): void {
  const rows = word(args, 2);
  const bytes = word(args, 3);
  const some = max(PIECE / max(bytes, 1), 1);
  for (let first = take(args) * some; first < rows; first = take(args) * some) {
    for (let n = first; n < min(first + some, rows); n++) memory.copy(rowAt(args, 0, n), rowAt(args, 1, n), bytes);
  }
}
