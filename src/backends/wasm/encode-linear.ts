/** Commands of the matrix products. */
import { byteSize, type DType } from '../../tensor.ts';
import type { Encoder, Located } from './command.ts';

/** Codes of assembly/weights.ts. */
const FORMATS: Partial<Record<DType, number>> = { f32: 0, bf16: 1, f16: 2 };

export const formatOf = ({ dtype }: Located): number => FORMATS[dtype] as number;

/** Bytes of weights that make up one piece of work: near the size of a first-level cache, a small part of a second-level one. */
const PIECE_BYTES = 1 << 16;

/** Rows of one piece of work: full tiles, and enough pieces for all parts. */
export function rowsAtOnce(rows: number, rowBytes: number, parts: number): number {
  const wanted = Math.min(Math.ceil(PIECE_BYTES / rowBytes), Math.ceil(rows / (4 * parts)));
  return Math.max(8, Math.ceil(wanted / 8) * 8);
}

/** What `rowsForTokens` of assembly/linear.ts needs for that many tokens of rows that long. */
export function linearScratch(tokens: number, inner: number): number {
  return 12 * tokens + 32 * inner + 64;
}

export const linear: Encoder<undefined> = (to, [x, w, bias], [y]) => {
  const [rows = 0, inner = 0] = (w as Located).shape;
  const [tokens = 0] = (x as Located).shape;
  const rowBytes = byteSize([inner], (w as Located).dtype);
  to.begin('linear', { scratchBytes: linearScratch(tokens, inner) });
  to.u32((y as Located).address, (x as Located).address, (w as Located).address, bias?.address ?? 0);
  to.u32(tokens, rows, inner, formatOf(w as Located), rowsAtOnce(rows, rowBytes, to.parts));
};

export const linearTernary: Encoder<{ wScale: 'divide' | 'multiply' }> = (
  to,
  [q, s, w, scale, bias],
  [y],
  { wScale },
) => {
  const [rows = 0, inner = 0] = (w as Located).shape;
  const [tokens = 0] = (q as Located).shape;
  to.begin('linearTernary', { scratchBytes: 4 * tokens + 64 });
  to.u32((y as Located).address, (q as Located).address, (s as Located).address, (w as Located).address);
  to.u32((scale as Located).address, bias?.address ?? 0, tokens, rows, inner, wScale === 'divide' ? 1 : 0);
  to.u32(rowsAtOnce(Math.ceil(rows / 4), inner, to.parts));
};
