/**
 * The products of the backward pass: y[R, J] = sum over i of a_i b_i, or added to y in place. a_i[R, K_i] are packed factors (pack-factors.ts), b_i[K_i, J] weights of any
 * format or activations, made panels of f32 some rows at a time (pack-columns.ts). A piece of work is some rows and columns of y.
 *
 * A number of y is the sum of blocks of TURNS products, added up one after another; its bits depend neither on the tile nor on the pieces.
 */
import { address, scratch, take, word } from '../command';
import { packColumns, panelBytes, WIDTH } from './pack-columns';
import { addTile, TILE } from './tiles';

/** Products of a block of a sum: a panel of so many rows stays in the nearest cache. encode/backward/products.ts knows it too. */
export const TURNS: u32 = 256;

/** First word of the list of matrices, and words of each. */
const LIST: usize = 8;
const LIST_WORDS: usize = 4;

/** Bytes of a tile that ends outside of y. */
export const TILE_BYTES: usize = TILE * 64;

/** A tile of which only some rows and columns are in y. */
function addPart(c: usize, stride: usize, more: bool, a: usize, b: usize, turns: u32, bits: u32, rows: u32, columns: u32, spare: usize): void {
  addTile(spare, 64, false, a, 4 * TILE, b, 64, turns, bits);
  for (let row: u32 = 0; row < rows; row++, c += stride, spare += 64) {
    for (let i: u32 = 0; i < columns; i++) {
      const at: usize = i << 2;
      const sum = load<f32>(spare + at);
      store<f32>(c + at, more ? load<f32>(c + at) + sum : sum);
    }
  }
}

/** A block of sums of a piece of y: panels at `wide`, factors of the first tile at `a`. `bits`: those of a register. */
export function addBlock(c: usize, stride: usize, more: bool, a: usize, tileBytes: usize, wide: usize, turns: u32, bits: u32, rows: u32, columns: u32, spare: usize): void {
  for (let column: u32 = 0; column < columns; column += WIDTH, c += 64, wide += panelBytes(turns)) {
    const some = min(WIDTH, columns - column);
    let at = c;
    let factors = a;
    for (let row: u32 = 0; row < rows; row += TILE, at += TILE * stride, factors += tileBytes) {
      const few = min(TILE, rows - row);
      if (few == TILE && some == WIDTH) addTile(at, stride, more, factors, 4 * TILE, wide, 64, turns, bits);
      else addPart(at, stride, more, factors, wide, turns, bits, few, some, spare);
    }
  }
}

/**
 * Words: y, added to y, R, J, bits of a register, rows of a piece, columns of a piece, format and 16 times the number of matrices; then for each
 * of them a, b, K, address of its scale or 0, plus 1 to divide by it. Scratch memory: a piece's panels of TURNS rows, TILE_BYTES.
 */
export function backwardProducts(args: usize, part: u32, parts: u32): void {
  const y = address(args, 0);
  const rows = word(args, 2);
  const columns = word(args, 3);
  const bits = word(args, 4);
  const pieceRows = word(args, 5);
  const pieceColumns = word(args, 6);
  const format = word(args, 7) & 15;
  const end = LIST + LIST_WORDS * (word(args, 7) >> 4);
  const stride: usize = columns << 2;
  const spare = scratch(args, part);
  const wide = spare + TILE_BYTES;
  const down = (rows + pieceRows - 1) / pieceRows;
  const pieces = down * ((columns + pieceColumns - 1) / pieceColumns);
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const row = (piece % down) * pieceRows;
    const column = (piece / down) * pieceColumns;
    const someRows = min(pieceRows, rows - row);
    const someColumns = min(pieceColumns, columns - column);
    const c = y + row * stride + (column << 2);
    let more = word(args, 1) != 0;
    for (let matrix = LIST; matrix < end; matrix += LIST_WORDS) {
      const all = word(args, matrix + 2);
      const tileBytes: usize = (all * TILE) << 2;
      const scaleAt = address(args, matrix + 3);
      let scale: f32 = 1;
      if (scaleAt) scale = scaleAt & 1 ? 1 / load<f32>(scaleAt - 1) : load<f32>(scaleAt);
      const a = address(args, matrix) + (row / TILE) * tileBytes;
      for (let from: u32 = 0; from < all; from += TURNS) {
        const turns = min(TURNS, all - from);
        packColumns(wide, address(args, matrix + 1), columns, all, format, scale, from, turns, column, someColumns);
        addBlock(c, stride, more, a + ((from * TILE) << 2), tileBytes, wide, turns, bits, someRows, someColumns, spare);
        more = true;
      }
    }
  }
}
