/** Commands of the matrix products. */
import { type Block, toFloats, view } from '../../numbers.ts';
import { BLOCK_COLUMNS, byteSize, type DType, isBlockDType, PANEL_ROWS } from '../../tensor.ts';
import type { CommandWriter, Encoder, Located } from './command.ts';

/** Codes of assembly/weights.ts, and of assembly/linear-blocks.ts. */
const FORMATS: Partial<Record<DType, number>> = { f32: 0, bf16: 1, f16: 2, q8: 0, q4: 1 };

export const formatOf = (dtype: DType): number => FORMATS[dtype] as number;

/** Codes of `embed`, which reads all formats. */
export const lookupFormat = (dtype: DType): number => formatOf(dtype) + (isBlockDType(dtype) ? 3 : 0);

/** Bytes of one row of weights. */
export const rowBytes = (inner: number, dtype: DType): number =>
  isBlockDType(dtype) ? byteSize([PANEL_ROWS, inner], dtype) / PANEL_ROWS : byteSize([inner], dtype);

/** Bytes of weights that make up one piece of work, at most: what is read in one go is fetched ahead, and translated, at less cost. */
const PIECE_BYTES = 1 << 18;

/** Rows of one piece of work: full tiles, and enough pieces for all parts. */
export function rowsAtOnce(rows: number, rowBytes: number, parts: number): number {
  const wanted = Math.min(Math.ceil(PIECE_BYTES / rowBytes), Math.ceil(rows / (4 * parts)));
  return Math.max(PANEL_ROWS, Math.ceil(wanted / PANEL_ROWS) * PANEL_ROWS);
}

/** What `rowsForTokens` of assembly/linear.ts needs for that many tokens of rows that long. */
export function linearScratch(tokens: number, inner: number): number {
  return 8 * tokens + 16 * (inner + 3) + 192;
}

/** Bytes of a token's record in assembly/activations.ts, where codes take two bytes. */
export const tokenBytes = (inner: number): number => Math.ceil(inner / BLOCK_COLUMNS) * (2 * BLOCK_COLUMNS + 8) + 16;

/** What `blockRowsForTokens` of assembly/block-rows.ts needs, and a record. */
export const blockScratch = (tokens: number, inner: number): number =>
  8 * tokens + 16 + byteSize([PANEL_ROWS, inner], 'q8') + 16 * PANEL_ROWS + tokenBytes(inner);

/** Writes the records of f32 rows [T, J]; gives their address. */
export function quantizeTokens(to: CommandWriter, x: number, tokens: number, inner: number, dtype: DType): number {
  const records = to.temp(tokens * tokenBytes(inner));
  to.begin('quantizeTokens');
  to.u32(records, x, tokens, inner, formatOf(dtype));
  return records;
}

export const linear: Encoder<{ count: number }> = (to, [x, ...given], outputs, { count }) => {
  const [tokens = 0, inner = 0] = (x as Located).shape;
  const { dtype } = given[0] as Located;
  const blocks = isBlockDType(dtype);
  const prepared = blocks && tokens > 1;
  const input = prepared ? quantizeTokens(to, (x as Located).address, tokens, inner, dtype) : (x as Located).address;
  to.begin(blocks ? 'linearBlocks' : 'linear', {
    after: prepared,
    scratchBytes: blocks ? blockScratch(tokens, inner) : linearScratch(tokens, inner),
  });
  to.u32(input, tokens, inner, formatOf(dtype), count);
  outputs.forEach((y, i) => {
    const w = given[i] as Located;
    const [rows = 0] = w.shape;
    to.u32(
      y.address,
      w.address,
      given[count + i]?.address ?? 0,
      rows,
      rowsAtOnce(rows, rowBytes(inner, dtype), to.parts),
    );
  });
};

export const linearTernary: Encoder<{ wScale: 'divide' | 'multiply'; count: number }> = (
  to,
  [q, s, ...given],
  outputs,
  { wScale, count },
) => {
  const [tokens = 0, inner = 0] = (q as Located).shape;
  to.begin('linearTernary', { scratchBytes: 4 * tokens + 16 + 320 + 8 * (inner + 16) });
  to.u32((q as Located).address, tokens, inner, (s as Located).address, count, wScale === 'divide' ? 1 : 0);
  outputs.forEach((y, i) => {
    const [w, scale, bias] = [given[i] as Located, given[count + i] as Located, given[2 * count + i]];
    const [rows = 0] = w.shape;
    const packed = Math.ceil(rows / 4);
    to.u32(y.address, w.address, bias?.address ?? 0, packed, rowsAtOnce(packed, inner, to.parts), scale.address, rows);
  });
};

/** The numbers of a block in a type that the kernels read. */
export function sourceOf({ dtype, bytes }: Block): { dtype: 'f32' | 'bf16' | 'f16'; bytes: Uint8Array } {
  if (dtype === 'f32' || dtype === 'bf16' || dtype === 'f16') return { dtype, bytes };
  const floats = toFloats(dtype, view(dtype, bytes));
  return { dtype: 'f32', bytes: new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength) };
}

/** The record of `quantizeWeights`. */
export function quantizeWords(target: Located, numbers: number, block: Omit<Block, 'bytes'>): number[] {
  const { row, column, rows, columns, transposed, dtype, stride = transposed ? rows : columns } = block;
  const [rowsOfEach = 0, rowLength = 0] = target.shape.slice(-2);
  return [
    ...[target.address, numbers, formatOf(target.dtype), formatOf(dtype as DType), transposed ? 1 : 0, rowsOfEach],
    ...[rowLength, row, rows, column, columns, stride],
  ];
}
