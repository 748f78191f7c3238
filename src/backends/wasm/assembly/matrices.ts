/** What all products share: the list of matrices in their commands (y, w, bias, rows, rows of a piece), and how these are read. */
import { word } from './command';

/** Word where the list begins, the same in all products. */
export const MATRICES: usize = 6;
export const MATRIX_WORDS: usize = 5;

/** Pieces of the matrix whose words begin at `matrix`. */
// @ts-ignore: decorator
@inline
export function piecesOf(args: usize, matrix: usize): u32 {
  const chunk = word(args, matrix + 4);
  return (word(args, matrix + 3) + chunk - 1) / chunk;
}

/**
 * Rows, or panels of rows, that lie a quarter of a piece apart and are read by turns, some 500 bytes each, where weights are used once. A processor
 * fetches ahead along each of several streams, and memory answers four half as fast again as one.
 */
export const STREAMS: u32 = 4;
