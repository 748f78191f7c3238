/** Matrix products with weights of all formats but ternary. */
import { blockRowsForTokens, wideScratch } from './block-rows';
import { blockBytes, blocksOf, PANEL } from './blocks';
import { address, scratch, take, word } from './command';
import { floatRowsForTokens, wideRowsScratch } from './float-rows';
import { MATRICES, MATRIX_WORDS, piecesOf } from './matrices';
import { inputBytes, packInput } from './packed-inputs';
import { Q4, Q8, widthShift } from './weights';

/** Bytes of that many rows; a last panel counts whole. */
// @ts-ignore: decorator
@inline
export function weightBytes(rows: usize, count: usize, format: u32): usize {
  if (format < Q8) return (rows * count) << widthShift(format);
  const bytes: usize = format == Q4 ? blockBytes<i8>() : blockBytes<u8>();
  return ((rows + PANEL - 1) / PANEL) * blocksOf(count) * bytes;
}

/** Scratch memory of `rowsForTokens`. */
// @ts-ignore: decorator
@inline
export function rowsScratch(count: usize, format: u32): usize {
  return format < Q8 ? wideRowsScratch(count) : wideScratch(blocksOf(count));
}

/** Rows of weights for tokens whose packed inputs and outputs (of the first of these rows) lie at the addresses xs[t] and ys[t]. */
export function rowsForTokens(
  ys: usize,
  xs: usize,
  tokens: u32,
  w: usize,
  rows: u32,
  count: usize,
  bias: usize,
  format: u32,
  wide: usize,
  tile: u32,
): void {
  if (format < Q8) floatRowsForTokens(ys, xs, tokens, w, rows, count, bias, format, wide, tile);
  else blockRowsForTokens(ys, xs, tokens, w, rows, blocksOf(count), bias, format == Q4, wide);
}

/**
 * Words: x, T, J, format, tokens of a tile of floats, count; then for each matrix y, w, bias, rows, rows of a piece. x is a list of packed inputs, or the floats of a single token.
 * Scratch memory: two lists of T addresses, that of `rowsForTokens`, and a packed input.
 */
export function linear(args: usize, part: u32, parts: u32): void {
  let x = address(args, 0);
  const tokens = word(args, 1);
  const count: usize = word(args, 2);
  const format = word(args, 3);
  const xs = scratch(args, part);
  const ys = xs + 4 * tokens;
  const wide = (ys + 4 * tokens + 63) & ~63;
  if (tokens == 1) {
    // Every part packs the input for itself, which is faster than waiting for another.
    const packed = wide + rowsScratch(count, format);
    packInput(packed, x, count, format);
    x = packed;
  }
  const bytes = inputBytes(count, format);
  for (let t: u32 = 0; t < tokens; t++) store<u32>(xs + 4 * t, <u32>(x + t * bytes));
  let before: u32 = 0; // pieces of the matrices before
  let matrix = MATRICES;
  const end = MATRICES + MATRIX_WORDS * word(args, 5);
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
    const w = address(args, matrix + 1) + weightBytes(first, count, format);
    rowsForTokens(ys, xs, tokens, w, some, count, bias ? bias + 4 * first : 0, format, wide, word(args, 4));
  }
}
