/** The products of linear.ts and experts.ts with weights in blocks, and their preparation. */
import { quantizeToken, tokenBytes } from './activations';
import { blockRowsForTokens, wideScratch } from './block-rows';
import { blockBytes, blocksOf, PANEL } from './blocks';
import { address, scratch, take, word } from './command';
import { GROUP_BYTES } from './experts';
import { MATRICES, MATRIX_WORDS, piecesOf } from './matrices';

/** Tokens of one piece of work. */
const PIECE_TOKENS: u32 = 4;

// @ts-ignore: decorator
@inline
function panelBytes(blocks: usize, narrow: u32): usize {
  return blocks * (narrow ? blockBytes<i8>() : blockBytes<u8>());
}

/** Records of tokens [T, J] for products with blocks. Words: to, x, T, J, narrow. */
export function quantizeTokens(args: usize, part: u32, parts: u32): void {
  const tokens = word(args, 2);
  const count: usize = word(args, 3);
  const bytes = tokenBytes(blocksOf(count));
  for (let first = take(args) * PIECE_TOKENS; first < tokens; first = take(args) * PIECE_TOKENS) {
    const end = min(first + PIECE_TOKENS, tokens);
    for (let t = first; t < end; t++) {
      quantizeToken(address(args, 0) + t * bytes, address(args, 1) + t * (count << 2), count, word(args, 4));
    }
  }
}

/**
 * Words as of `linear`, where x is a list of records, or of a single token in floats; the format is 0 for q8, 1 for q4. Scratch memory: two
 * lists of T addresses, a panel of q8 and its outputs, the record of a token.
 */
export function linearBlocks(args: usize, part: u32, parts: u32): void {
  let x = address(args, 0);
  const tokens = word(args, 1);
  const count: usize = word(args, 2);
  const narrow = word(args, 3);
  const blocks = blocksOf(count);
  const xs = scratch(args, part);
  const ys = xs + 4 * tokens;
  const wide = (ys + 4 * tokens + 15) & ~15;
  if (tokens == 1) {
    // Every part makes the record for itself: sooner done than waited for.
    const record = wide + wideScratch(blocks);
    quantizeToken(record, x, count, narrow);
    x = record;
  }
  for (let t: u32 = 0; t < tokens; t++) store<u32>(xs + 4 * t, <u32>(x + t * tokenBytes(blocks)));
  let before: u32 = 0; // pieces of the matrices before
  let matrix = MATRICES;
  const end = MATRICES + MATRIX_WORDS * word(args, 4);
  for (let piece = take(args); ; piece = take(args)) {
    while (matrix < end && piece - before >= piecesOf(args, matrix)) {
      before += piecesOf(args, matrix);
      matrix += MATRIX_WORDS;
    }
    if (matrix == end) return;
    const rows = word(args, matrix + 3);
    const chunk = word(args, matrix + 4);
    const first = (piece - before) * chunk;
    const some = min(chunk, rows - first);
    const y = address(args, matrix);
    const bias = address(args, matrix + 2);
    for (let t: u32 = 0; t < tokens; t++) store<u32>(ys + 4 * t, <u32>(y + (t * rows + first) * 4));
    const w = address(args, matrix + 1) + (first / PANEL) * panelBytes(blocks, narrow);
    blockRowsForTokens(ys, xs, tokens, w, some, blocks, bias ? bias + 4 * first : 0, narrow != 0, wide);
  }
}

/**
 * Words as of `linearByExpert`, where x is a list of records, or of a single one in floats where the last word, the number of tokens, is
 * 1; the format is 0 for q8, 1 for q4. Scratch memory as of `linearBlocks`.
 */
export function blocksByExpert(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  let x = address(args, 1);
  const order = address(args, 2);
  const groups = address(args, 3);
  const w = address(args, 4);
  const rows = word(args, 5);
  const blocks = blocksOf(word(args, 6));
  const narrow = word(args, 7);
  const chunk = word(args, 8);
  const divisor = word(args, 9);
  const most = word(args, 10);
  const xs = scratch(args, part);
  const ys = xs + 4 * most;
  const wide = (ys + 4 * most + 15) & ~15;
  if (word(args, 11) == 1) {
    const record = wide + wideScratch(blocks);
    quantizeToken(record, x, word(args, 6), narrow);
    x = record;
  }
  const chunks = (rows + chunk - 1) / chunk;
  const expertBytes = ((rows + PANEL - 1) / PANEL) * panelBytes(blocks, narrow);
  const pieces = load<u32>(groups) * chunks;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const group = groups + 4 + (piece / chunks) * GROUP_BYTES;
    const from = load<u32>(group, 4);
    const slots = load<u32>(group, 8) - from;
    const first = (piece % chunks) * chunk;
    const some = min(chunk, rows - first);
    for (let i: u32 = 0; i < slots; i++) {
      const slot = load<u32>(order + 4 * (from + i));
      store<u32>(xs + 4 * i, <u32>(x + (slot / divisor) * tokenBytes(blocks)));
      store<u32>(ys + 4 * i, <u32>(y + (slot * rows + first) * 4));
    }
    const at = w + load<u32>(group) * expertBytes + (first / PANEL) * panelBytes(blocks, narrow);
    blockRowsForTokens(ys, xs, slots, at, some, blocks, 0, narrow != 0, wide);
  }
}
