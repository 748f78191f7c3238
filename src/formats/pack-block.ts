/** Packs numbers of a checkpoint into the bytes of a packed tensor. */

import { byteSize, type Shape } from '../base/tensor.ts';
import type { Format, PackedBytes } from './format.ts';
import { type Block, toFloats, view } from './numbers.ts';

/**
 * Packs a rectangle into the portable bytes of a tensor. Its columns begin at a multiple of `RowPart.columns`. Throws TypeError when plain
 * numbers cannot be packed into the format.
 */
export function packBlock(
  target: PackedBytes,
  { shape, dtype }: { shape: Shape; dtype: Format },
  { row, column, rows, columns, transposed, bytes, dtype: from, stride = transposed ? rows : columns }: Block,
): void {
  if (!dtype.part) throw new TypeError(`${from} numbers cannot be kept as ${dtype}`);
  const numbers = toFloats(from, view(from, bytes));
  const rowBytes = byteSize([1, shape.at(-1) ?? 1], dtype);
  const [before, count] = [byteSize([1, column], dtype), byteSize([1, columns], dtype)];
  const x = new Float32Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < columns; k++) x[k] = numbers[transposed ? k * stride + i : i * stride + k] as number;
    const at = (row + i) * rowBytes + before;
    dtype.part.pack(x, target.subarray(at, at + count));
  }
}
