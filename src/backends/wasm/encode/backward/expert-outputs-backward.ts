/** See ops/backward/expert-outputs-backward.ts. */
import type { Activation } from '../../../../ops/index.ts';
import type { CommandWriter, Encoder, Located } from '../../command.ts';
import { inPanels } from '../../panels.ts';
import { formatOf, inputBytes, productScratch, rowBytes, rowsAtOnce, tileOf } from '../products.ts';
import { panelsBytes, TILE_BYTES, TURNS, WIDTH } from './products.ts';

/** Rows of a piece of assembly/backward/expert-products.ts. */
const PIECE_ROWS = 120;

/** Columns of a piece: panels of TURNS rows of these fill half of a second-level cache; fewer where there is little work. */
const PIECE_COLUMNS = 256;

/** Rows of weights in blocks that are made floats at once. */
const FLOAT_ROWS = 32;

export const expertOutputsBackward: Encoder<{ activation: Activation }> = (to, inputs, [dx], { activation }) => {
  const [x, ids, wIn, wOut, dz, dwIn, dwOut] = inputs as [
    Located,
    Located,
    Located,
    Located,
    Located,
    Located | undefined,
    Located | undefined,
  ];
  const [count = 0, width = 0, inner = 0] = wOut.shape;
  const [tokens = 0, active = 0] = ids.shape;
  const slots = tokens * active;
  const { dtype } = wIn;
  const [order, places] = [to.temp(4 * slots), to.temp(4 * slots)];
  const groups = to.temp(4 + 12 * Math.min(count, slots));
  to.begin('groupByExpert');
  to.u32(order, groups, ids.address, slots, count, to.temp(4 * count));
  const read = inPanels(dtype) ? 'f32' : dtype;
  const packed = to.temp(tokens * inputBytes(width, read));
  to.begin('packInputs');
  to.u32(packed, x.address, tokens, width, formatOf(read));

  const given = to.temp(4 * slots * width);
  to.begin('gatherByExpert', { after: true });
  to.u32(given, dz.address, order, groups, 1, width, places);
  const xs = dwIn ? to.temp(4 * slots * width) : 0;
  if (dwIn) {
    to.begin('gatherByExpert');
    to.u32(xs, x.address, order, groups, active, width, 0);
  }
  const both = to.temp(8 * slots * inner);
  const chunk = inPanels(dtype) ? FLOAT_ROWS : rowsAtOnce(2 * inner, rowBytes(width, dtype), to.parts);
  const floats = inPanels(dtype) ? 4 * FLOAT_ROWS * width : 0;
  to.begin('exactByExpert', { scratchBytes: productScratch(tokens, width, read) + floats });
  to.u32(both, packed, order, groups, wIn.address, 2 * inner, width, formatOf(dtype));
  to.u32(chunk, active, tokens, tileOf(to));

  const hidden = to.temp(4 * slots * inner);
  rowsByExpert(to, hidden, given, groups, wOut);
  to.begin(activation === 'silu' ? 'gateByExpertSilu' : 'gateByExpertRelu2', { after: true });
  to.u32(both, hidden, groups, inner);

  const all = to.temp(4 * slots * width);
  rowsByExpert(to, all, both, groups, wIn);
  if (dwIn) sumsByExpert(to, dwIn, both, groups, xs);
  if (dwOut) sumsByExpert(to, dwOut, given, groups, hidden);
  to.begin('sumPlaces', { after: true });
  to.u32((dx as Located).address, all, places, ids.address, tokens, active, count, width);
};

function rowsByExpert(
  to: CommandWriter,
  y: number,
  x: number,
  groups: number,
  { address, shape, dtype }: Located,
): void {
  const [count = 0, rows = 0, columns = 0] = shape;
  const piece = pieceOf(to, count, columns);
  to.begin('rowsByExpert', { after: true, scratchBytes: scratchBytes(piece) });
  to.u32(y, x, groups, address, rows, columns, formatOf(dtype), tileOf(to), piece);
}

function sumsByExpert(to: CommandWriter, { address, shape }: Located, a: number, groups: number, b: number): void {
  const [count = 0, rows = 0, columns = 0] = shape;
  const piece = pieceOf(to, count, columns);
  to.begin('sumsByExpert', { scratchBytes: scratchBytes(piece) });
  to.u32(address, a, groups, b, rows, columns, tileOf(to), piece);
}

function pieceOf(to: CommandWriter, experts: number, columns: number): number {
  const across = Math.max(
    Math.ceil(columns / PIECE_COLUMNS),
    Math.min(Math.ceil((4 * to.parts) / experts), columns / 32),
  );
  return Math.ceil(columns / Math.max(1, across) / WIDTH) * WIDTH;
}

const scratchBytes = (columns: number) => TILE_BYTES + 4 * PIECE_ROWS * TURNS + panelsBytes(columns, TURNS);
