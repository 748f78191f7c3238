/** The list of matrices in the record of a product: y, w, bias, rows, rows of a piece. */
import { word } from './command';

/** Word where the list begins, the same in all products. */
export const MATRICES: usize = 5;
export const MATRIX_WORDS: usize = 5;

/** Pieces of the matrix whose words begin at `matrix`. */
// @ts-ignore: decorator
@inline
export function piecesOf(args: usize, matrix: usize): u32 {
  const chunk = word(args, matrix + 4);
  return (word(args, matrix + 3) + chunk - 1) / chunk;
}
