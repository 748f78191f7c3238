/** What the products of the backward pass have in common (assembly/backward/products.ts): packed factors, pieces of work. */
import type { CommandWriter, Located } from '../../command.ts';

/** Products of a block of a sum. */
export const TURNS = 256;
/** Columns of a panel. */
export const WIDTH = 16;
/** Rows of a piece: with TURNS factors each, half of a second-level cache. */
const PIECE_ROWS = 240;
const PIECE_COLUMNS = 128;
/** Rows of a tile. */
const TILE = 6;
/** Bytes of a tile that is stored apart. */
export const TILE_BYTES = TILE * 64;

/** One term a b of a sum of products. */
export interface Term {
  /** x[R, K], or transposed x[K, R]. */
  readonly factors: Located;
  /** b[K, J] */
  readonly weights: Located;
  /** Address of the scale of ternary weights, plus 1 to divide by it; or 0. */
  readonly scale: number;
}

/** y[R, J] = sum of the terms, or with `more` added to y. `format` as in assembly/backward/pack-columns.ts. */
export function products(
  to: CommandWriter,
  y: Located,
  terms: readonly Term[],
  { format, more, transposed }: { format: number; more: boolean; transposed: boolean },
): void {
  const [rows = 0, columns = 0] = y.shape;
  const packed = terms.map(({ factors, weights }) => {
    const turns = weights.shape[0] as number;
    const address = to.temp(4 * Math.ceil(rows / TILE) * TILE * turns);
    to.begin('packFactors');
    to.u32(address, factors.address, rows, turns, transposed ? 1 : 0);
    return address;
  });
  const [pieceRows, pieceColumns] = pieceOf(rows, columns, to.parts);
  const turns = Math.min(TURNS, Math.max(...terms.map(({ weights }) => weights.shape[0] as number)));
  to.begin('backwardProducts', { after: true, scratchBytes: TILE_BYTES + panelsBytes(pieceColumns, turns) });
  to.u32(y.address, more ? 1 : 0, rows, columns, to.vectorBits, pieceRows, pieceColumns, format + 16 * terms.length);
  terms.forEach(({ weights, scale }, i) => {
    to.u32(packed[i] as number, weights.address, weights.shape[0] as number, scale);
  });
}

/** Panels of that many columns and rows. */
export const panelsBytes = (columns: number, rows: number) => (columns / WIDTH) * (64 * rows + 64);

/** Rows and columns of a piece of work: as many as caches hold, but enough pieces for all parts. */
function pieceOf(rows: number, columns: number, parts: number): [rows: number, columns: number] {
  const wanted = 4 * parts;
  const down = Math.ceil(rows / PIECE_ROWS);
  const across = Math.max(
    Math.ceil(columns / PIECE_COLUMNS),
    Math.min(Math.ceil(wanted / down), Math.ceil(columns / 32)),
  );
  const pieceColumns = Math.ceil(columns / across / WIDTH) * WIDTH;
  const count = down * Math.ceil(columns / pieceColumns);
  const more = count < wanted ? Math.ceil(wanted / count) : 1;
  return [Math.max(TILE, Math.ceil(rows / down / more / TILE) * TILE), pieceColumns];
}
