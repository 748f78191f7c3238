/** Activations as the loops over weights of a format read them: a token's packed input is floats in their order (float-rows.ts), or codes (activations.ts). */
import { quantizeToken, tokenBytes } from './activations';
import { blocksOf } from './blocks';
import { address, take, word } from './command';
import { arrange, arrangedBytes } from './float-rows';
import { Q4, Q8 } from './weights';

/** Tokens of one piece of work. */
const PIECE_TOKENS: u32 = 4;

export function inputBytes(count: usize, format: u32): usize {
  return format < Q8 ? arrangedBytes(count) : tokenBytes(blocksOf(count));
}

export function packInput(to: usize, x: usize, count: usize, format: u32): void {
  if (format < Q8) arrange(to, x, count, format);
  else quantizeToken(to, x, count, format == Q4);
}

/** Packed inputs of tokens [T, J]. Words: to, x, T, J, format. */
export function packInputs(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 2);
  const count: usize = word(args, 3);
  const format = word(args, 4);
  const bytes = inputBytes(count, format);
  for (let first = take(args) * PIECE_TOKENS; first < tokens; first = take(args) * PIECE_TOKENS) {
    const end = min(first + PIECE_TOKENS, tokens);
    for (let t = first; t < end; t++) packInput(address(args, 0) + t * bytes, address(args, 1) + t * (count << 2), count, format);
  }
}
