/** Looks for NaN and infinity, in pieces of the flat array. Words: mark, x, count. All parts write the same number, if any. */
import { address, take, word } from './command';
import { loadEnd } from './lanes';

const PIECE: u32 = 1 << 16;

// @ts-ignore: decorator
@inline
function isBad(x: v128): bool {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  return v128.any_true(i32x4.ge_s(magnitude, i32x4.splat(0x7f800000)));
}

export function markNonFinite(args: usize, part: u32, parts: u32): void {
  const x = address(args, 1);
  const count = word(args, 2);
  for (let first = take(args) * PIECE; first < count; first = take(args) * PIECE) {
    const end = min(first + PIECE, count);
    let bad = false;
    let i = first;
    for (; i + 4 <= end; i += 4) bad = bad || isBad(v128.load(x + (<usize>i << 2)));
    if (i < end) bad = bad || isBad(loadEnd(x + (<usize>i << 2), end - i));
    if (bad) store<u32>(address(args, 0), 1);
  }
}
