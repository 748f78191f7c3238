/** How many bytes of its inputs an op reads and writes, for profiles. */
import { byteSize, type Tensor } from '../base/tensor.ts';

/** Bytes of all inputs; of input i only `rows[i]` rows count, if given. */
export function bytesOfRows(inputs: readonly Tensor[], rows: Readonly<Record<number, number>>): number {
  const bytes = ({ shape, dtype }: Tensor, i: number) => byteSize([rows[i] ?? shape[0] ?? 1, ...shape.slice(1)], dtype);
  return inputs.reduce((sum, x, i) => sum + (x.shape.length === 0 ? byteSize([], x.dtype) : bytes(x, i)), 0);
}

/** Rows of input `i`. */
export const count = (inputs: readonly Tensor[], i: number): number => inputs[i]?.shape[0] ?? 0;
