/** Products of experts in the backward pass (assembly/backward/expert-products.ts), each with the rows at its places, and lists of these. */
import type { CommandWriter, Located } from '../../command.ts';
import { formatOf } from '../products.ts';
import { panelsBytes, TILE_BYTES, TURNS, WIDTH } from './products.ts';

/** Rows of a piece of assembly/backward/expert-products.ts. */
const PIECE_ROWS = 120;

/** Columns of a piece: panels of TURNS rows of these fill half of a second-level cache; fewer where there is little work. */
const PIECE_COLUMNS = 256;

/** Rows `from`..`to` (exclusive) of each expert's matrix; default all. */
interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Places {
  readonly order: number;
  readonly groups: number;
  /** The place of each slot, once `gatherByExpert` has run with `listed`. */
  readonly places: number;
  readonly slots: number;
}

/** Slots by expert: ids[T, A] of `count` experts. */
export function groupSlots(to: CommandWriter, { address, shape }: Located, count: number): Places {
  const slots = shape.reduce((a, b) => a * b, 1);
  const [order, places] = [to.temp(4 * slots), to.temp(4 * slots)];
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  to.begin('groupByExpert');
  to.u32(order, groups, address, slots, count, to.temp(4 * count));
  return { order, groups, places, slots };
}

/** Rows x[slot / divisor] at the places of the slots; their address. */
export function gatherByExpert(
  to: CommandWriter,
  x: number,
  { order, groups, places, slots }: Places,
  width: number,
  { divisor = 1, after = false, listed = false }: { divisor?: number; after?: boolean; listed?: boolean },
): number {
  const rows = to.temp(4 * slots * width);
  to.begin('gatherByExpert', { after });
  to.u32(rows, x, order, groups, divisor, width, listed ? places : 0);
  return rows;
}

/** y[place] = x[place] w[expert of place] */
export function rowsByExpert(
  to: CommandWriter,
  y: number,
  x: number,
  { groups }: Places,
  w: Located,
  range?: Range,
): void {
  const [count = 0, rows = 0, columns = 0] = w.shape;
  const { from, to: end } = range ?? { from: 0, to: rows };
  const piece = pieceOf(to, count, columns);
  to.begin('rowsByExpert', { after: true, scratchBytes: scratchBytes(piece) });
  to.u32(y, x, groups, w.address, end - from, columns, formatOf(w.dtype), to.vectorBits, piece, rows, from);
}

/** y[expert] += sum over its places of a[place] b[place] */
export function sumsByExpert(
  to: CommandWriter,
  y: Located,
  a: number,
  { groups }: Places,
  b: number,
  { after = false, range }: { after?: boolean; range?: Range } = {},
): void {
  const [count = 0, rows = 0, columns = 0] = y.shape;
  const { from, to: end } = range ?? { from: 0, to: rows };
  const piece = pieceOf(to, count, columns);
  to.begin('sumsByExpert', { after, scratchBytes: scratchBytes(piece) });
  to.u32(y.address + 4 * from * columns, a, groups, b, end - from, columns, to.vectorBits, piece, rows);
}

/** y[t] = sum over the slots of t of x[place of slot]; ids[T, A] of `count` experts. */
export function sumPlaces(
  to: CommandWriter,
  y: Located,
  x: number,
  { places }: Places,
  ids: Located,
  count: number,
): void {
  to.begin('sumPlaces', { after: true });
  to.u32(y.address, x, places, ids.address, ...ids.shape, count, y.shape[1] as number);
}

function pieceOf(to: CommandWriter, experts: number, columns: number): number {
  const wanted = Math.min(Math.ceil((4 * to.parts) / experts), columns / 32);
  const across = Math.max(1, Math.ceil(columns / PIECE_COLUMNS), wanted);
  return Math.ceil(columns / across / WIDTH) * WIDTH;
}

const scratchBytes = (columns: number) => TILE_BYTES + 4 * PIECE_ROWS * TURNS + panelsBytes(columns, TURNS);
