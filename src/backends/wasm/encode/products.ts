/** What the commands of matrix products have in common: formats, packed inputs, pieces of work. */
import { byteSize, type ElementType } from '../../../base/tensor.ts';
import { BLOCK_COLUMNS } from '../../../formats/blocks.ts';
import { type Block, toFloats, view } from '../../../formats/numbers.ts';
import { q4 } from '../../../formats/q4.ts';
import { q8 } from '../../../formats/q8.ts';
import type { CommandWriter, Located } from '../command.ts';
import { inPanels, narrowWord, PANEL_ROWS } from '../panels.ts';

/** Codes of assembly/weights.ts. */
const FORMATS: readonly ElementType[] = ['f32', 'bf16', 'f16', q8, q4];

export const formatOf = (dtype: ElementType): number => FORMATS.indexOf(dtype);

/** Bytes of one row of weights. */
export const rowBytes = (inner: number, dtype: ElementType): number => byteSize([1, inner], dtype);

/** Bytes of weights in one piece of work, at most: prefetching and address translation work better on long stretches. */
const PIECE_BYTES = 1 << 18;

/** Rows of one piece of work: full tiles, and enough pieces for all parts. */
export function rowsAtOnce(rows: number, rowBytes: number, parts: number): number {
  const wanted = Math.min(Math.ceil(PIECE_BYTES / rowBytes), Math.ceil(rows / (4 * parts)));
  return Math.max(PANEL_ROWS, Math.ceil(wanted / PANEL_ROWS) * PANEL_ROWS);
}

/** Bytes of a token's packed input (assembly/packed-inputs.ts), where codes take two bytes. */
export const inputBytes = (inner: number, dtype: ElementType): number =>
  inPanels(dtype)
    ? Math.ceil(inner / BLOCK_COLUMNS) * (2 * BLOCK_COLUMNS + 8) + 16
    : Math.ceil(inner / FLOAT_COLUMNS) * 4 * FLOAT_COLUMNS;

/** Columns to which rows of floats are filled up. */
const FLOAT_COLUMNS = 16;

/** Tokens that share the loads of float weights: as many as have their sums in registers. */
export const tileOf = ({ vectorBits }: CommandWriter): number => (vectorBits === 256 ? 6 : 4);

/** Rows of float weights that are widened together (assembly/float-rows.ts), with their sums. */
function floatScratch(rowBytes: number): number {
  const rows = Math.max(4, Math.min(32, 2 * Math.floor(2 ** 17 / rowBytes)));
  return rows * rowBytes + (rows / 2 + 1) * 384 + 256;
}

/** What `linear` and `linearByExpert` need for that many tokens. */
export function productScratch(tokens: number, inner: number, dtype: ElementType): number {
  const input = inputBytes(inner, dtype);
  const sums = 4 * PANEL_ROWS * Math.max(4, tokens);
  const rows = inPanels(dtype) ? byteSize([PANEL_ROWS, inner], q8) + sums : floatScratch(input);
  return 8 * tokens + 64 + rows + input;
}

/** Packs f32 rows [T, J] as inputs for weights of a format; gives their address. A single token is left to the product itself. */
export function packInputs(to: CommandWriter, x: number, tokens: number, inner: number, dtype: ElementType): number {
  if (tokens === 1) return x;
  const packed = to.temp(tokens * inputBytes(inner, dtype));
  to.begin('packInputs');
  to.u32(packed, x, tokens, inner, formatOf(dtype));
  return packed;
}

/** The numbers of a block in a type that the kernels read. */
export function sourceOf({ dtype, bytes }: Block): { dtype: 'f32' | 'bf16' | 'f16'; bytes: Uint8Array } {
  if (dtype === 'f32' || dtype === 'bf16' || dtype === 'f16') return { dtype, bytes };
  const floats = toFloats(dtype, view(dtype, bytes));
  return { dtype: 'f32', bytes: new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength) };
}

/** The words of `quantizeWeights`. */
export function quantizeWords(target: Located, numbers: number, block: Omit<Block, 'bytes'>): number[] {
  const { row, column, rows, columns, transposed, dtype, stride = transposed ? rows : columns } = block;
  const [rowsOfEach = 0, rowLength = 0] = target.shape.slice(-2);
  return [
    ...[target.address, numbers, narrowWord(target.dtype), FORMATS.indexOf(dtype as ElementType)],
    ...[transposed ? 1 : 0, rowsOfEach],
    ...[rowLength, row, rows, column, columns, stride],
  ];
}
