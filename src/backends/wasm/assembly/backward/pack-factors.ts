/**
 * The factors of a product (products.ts) in the order in which its tiles read them: for each tile of six rows, turn after turn, those of all its rows. Rows that are
 * missing in the last tile have zeros.
 */
import { address, take, word } from '../command';
import { TILE } from './tiles';

/** Tiles of a piece of work where turns lie apart, and turns: their numbers then fill whole cache lines. */
const PIECE_TILES: u32 = 16;
const PIECE_TURNS: u32 = 64;

/** A tile of the rows at `from`, `stride` bytes apart, whose `turns` numbers follow each other. */
export function packRows(to: usize, from: usize, stride: usize, rows: u32, turns: u32): void {
  let k: u32 = 0;
  if (rows == TILE) {
    for (; k + 4 <= turns; k += 4, from += 16) {
      const a = v128.load(from);
      const b = v128.load(from + stride);
      const c = v128.load(from + 2 * stride);
      const d = v128.load(from + 3 * stride);
      const e = v128.load(from + 4 * stride);
      const f = v128.load(from + 5 * stride);
      const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const ef = v128.shuffle<f32>(e, f, 0, 4, 1, 5);
      v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
      v128.store(to, v128.shuffle<f32>(ef, ab, 0, 1, 6, 7), 16);
      v128.store(to, v128.shuffle<f32>(cd, ef, 2, 3, 6, 7), 32);
      const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const ef2 = v128.shuffle<f32>(e, f, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), 48);
      v128.store(to, v128.shuffle<f32>(ef2, ab2, 0, 1, 6, 7), 64);
      v128.store(to, v128.shuffle<f32>(cd2, ef2, 2, 3, 6, 7), 80);
      to += 96;
    }
  }
  for (; k < turns; k++, from += 4) {
    for (let i: u32 = 0; i < TILE; i++, to += 4) store<f32>(to, i < rows ? load<f32>(from + i * stride) : 0);
  }
}

/** A piece of one turn for many tiles: `count` rows, whose numbers follow each other. */
// @ts-ignore: decorator
@inline
export function packTurn(to: usize, tileBytes: usize, from: usize, count: u32): void {
  let row: u32 = 0;
  for (; row + TILE <= count; row += TILE, from += 4 * TILE, to += tileBytes) {
    const last = load<u64>(from, 16);
    v128.store(to, v128.load(from));
    store<u64>(to, last, 16);
  }
  if (row < count) for (let i: u32 = 0; i < TILE; i++) store<f32>(to + 4 * i, row + i < count ? load<f32>(from + 4 * i) : 0);
}

/** Words: to, x, rows R, turns K, transposed. x[R, K], or with `transposed` x[K, R]. */
export function packFactors(args: usize, part: u32, parts: u32): void {
  const to = address(args, 0);
  const x = address(args, 1);
  const rows = word(args, 2);
  const turns = word(args, 3);
  const tileBytes: usize = 4 * TILE * turns;
  const tiles = (rows + TILE - 1) / TILE;
  if (!word(args, 4)) {
    for (let i = take(args); i < tiles; i = take(args)) {
      packRows(to + i * tileBytes, x + i * TILE * (turns << 2), turns << 2, min(TILE, rows - i * TILE), turns);
    }
    return;
  }
  const across = (tiles + PIECE_TILES - 1) / PIECE_TILES;
  const pieces = across * ((turns + PIECE_TURNS - 1) / PIECE_TURNS);
  for (let piece = take(args); piece < pieces; piece = take(args)) {
    const first = (piece % across) * PIECE_TILES;
    const row = first * TILE;
    const count = min(PIECE_TILES * TILE, rows - row);
    const begin = (piece / across) * PIECE_TURNS;
    for (let k = begin; k < min(begin + PIECE_TURNS, turns); k++) {
      packTurn(to + first * tileBytes + k * (TILE << 2), tileBytes, x + ((k * rows + row) << 2), count);
    }
  }
}
