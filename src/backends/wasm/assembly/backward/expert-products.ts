/** The products of the backward pass (products.ts) for experts, each with the rows at its places. */
import { address, scratch, take, word } from '../command';
import { GROUP_BYTES } from '../expert-outputs';
import { weightBytes } from '../linear';
import { F32 } from '../weights';
import { packColumns } from './pack-columns';
import { packRows, packTurn } from './pack-factors';
import { addBlock, TILE_BYTES, TURNS } from './products';
import { TILE } from './tiles';

/** Rows of a piece: with TURNS factors each, a quarter of a second-level cache. encode/backward/expert-outputs-backward.ts knows it too. */
const PIECE_ROWS: u32 = 120;

/** Factors a[rows, turns], the rows `stride` bytes apart, in tiles. */
function packTiles(to: usize, from: usize, stride: usize, rows: u32, turns: u32): void {
  const tileBytes: usize = 4 * TILE * turns;
  for (let row: u32 = 0; row < rows; row += TILE, to += tileBytes, from += TILE * stride) {
    packRows(to, from, stride, min(TILE, rows - row), turns);
  }
}

/** The same of a[turns, rows]. */
function packTurnedTiles(to: usize, from: usize, stride: usize, rows: u32, turns: u32): void {
  const tileBytes: usize = 4 * TILE * turns;
  for (let k: u32 = 0; k < turns; k++, to += TILE << 2, from += stride) packTurn(to, tileBytes, from, rows);
}

/**
 * y[place] = x[place] w[expert of place], with the K rows of w[N, J] from row `begin` on. Words: y, x, groups, w, K, J, format, bits of a register, columns of a piece,
 * N, begin. Scratch memory: TILE_BYTES, factors of a piece, its panels of TURNS rows.
 */
export function rowsByExpert(args: usize, part: u32, parts: u32): void {
  const groups = address(args, 2);
  const all = word(args, 4);
  const columns = word(args, 5);
  const format = word(args, 6);
  const bits = word(args, 7);
  const pieceColumns = word(args, 8);
  const stride: usize = columns << 2;
  const spare = scratch(args, part);
  const factors = spare + TILE_BYTES;
  const wide = factors + PIECE_ROWS * (TURNS << 2);
  const across = (columns + pieceColumns - 1) / pieceColumns;
  const expertBytes = weightBytes(word(args, 9), columns, format);
  const begin = word(args, 10);
  const pieces = load<u32>(groups) * across;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const group = groups + 4 + (piece / across) * GROUP_BYTES;
    const w = address(args, 3) + load<u32>(group) * expertBytes;
    const end = load<u32>(group, 8);
    const column = (piece % across) * pieceColumns;
    const someColumns = min(pieceColumns, columns - column);
    for (let from: u32 = 0; from < all; from += TURNS) {
      const turns = min(TURNS, all - from);
      packColumns(wide, w, columns, all, format, 1, begin + from, turns, column, someColumns);
      for (let row = load<u32>(group, 4); row < end; row += PIECE_ROWS) {
        const rows = min(PIECE_ROWS, end - row);
        packTiles(factors, address(args, 1) + ((row * all + from) << 2), all << 2, rows, turns);
        const c = address(args, 0) + row * stride + (column << 2);
        addBlock(c, stride, from > 0, factors, 4 * TILE * turns, wide, turns, bits, rows, someColumns, spare);
      }
    }
  }
}

/**
 * y[expert] += sum over its places of a[place] b[place], an outer product, for R rows of y[N, J]. Words: y (of the first of these rows), a, groups, b, R, J,
 * bits of a register, columns of a piece, N. Scratch memory as of `rowsByExpert`.
 */
export function sumsByExpert(args: usize, part: u32, parts: u32): void {
  const groups = address(args, 2);
  const all = word(args, 4);
  const columns = word(args, 5);
  const bits = word(args, 6);
  const pieceColumns = word(args, 7);
  const stride: usize = columns << 2;
  const spare = scratch(args, part);
  const factors = spare + TILE_BYTES;
  const wide = factors + PIECE_ROWS * (TURNS << 2);
  const across = (columns + pieceColumns - 1) / pieceColumns;
  const pieces = load<u32>(groups) * across;
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const group = groups + 4 + (piece / across) * GROUP_BYTES;
    const y = address(args, 0) + load<u32>(group) * (word(args, 8) * stride);
    const first = load<u32>(group, 4);
    const end = load<u32>(group, 8);
    const column = (piece % across) * pieceColumns;
    const someColumns = min(pieceColumns, columns - column);
    for (let from = first; from < end; from += TURNS) {
      const turns = min(TURNS, end - from);
      packColumns(wide, address(args, 3) + from * stride, columns, turns, F32, 1, 0, turns, column, someColumns);
      for (let row: u32 = 0; row < all; row += PIECE_ROWS) {
        const rows = min(PIECE_ROWS, all - row);
        packTurnedTiles(factors, address(args, 1) + ((from * all + row) << 2), all << 2, rows, turns);
        const c = y + row * stride + (column << 2);
        addBlock(c, stride, true, factors, 4 * TILE * turns, wide, turns, bits, rows, someColumns, spare);
      }
    }
  }
}
