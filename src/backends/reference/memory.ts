/** Memory of the reference backend: one typed array per allocation. */

import {
  arrayFor,
  arrayLength,
  byteOffset,
  byteSize,
  type ElementType,
  isPacked,
  rows,
  type Shape,
  size,
  type Tensor,
  type TypedArray,
} from '../../base/tensor.ts';
import type { PackedBytes } from '../../formats/format.ts';
import { toFloats } from '../../formats/numbers.ts';

interface Memory {
  readonly data: TypedArray;
}

/** `f64`: numbers of the type f32 are kept in double precision, for tests with small differences. */
export type Precision = 'f32' | 'f64';

export function makeTensor(shape: Shape, dtype: ElementType, precision: Precision = 'f32'): Tensor {
  if (dtype === 'f32' && precision === 'f64') return place(new Float64Array(size(shape)) as never, shape, dtype);
  const bytes = byteSize(shape, dtype);
  return place(arrayFor(dtype, new ArrayBuffer(bytes), 0, arrayLength(shape, dtype)), shape, dtype);
}

export function place(data: TypedArray, shape: Shape, dtype: ElementType): Tensor {
  return { shape, dtype, place: { data } satisfies Memory, offset: 0 };
}

/** The array of a tensor, without a copy; 16-bit floats and packed formats as stored. */
export function numbersOf(x: Tensor): TypedArray {
  const { data } = x.place as Memory;
  const first = isPacked(x.dtype) ? byteOffset(x) : x.offset;
  return data.subarray(first, first + arrayLength(x.shape, x.dtype));
}

/** The numbers of a weight or of a KV cache as f32. */
export function floatsOf(x: Tensor): Float32Array {
  if (isPacked(x.dtype)) return x.dtype.unpack(numbersOf(x) as PackedBytes, x.shape);
  return x.dtype === 'f16' || x.dtype === 'bf16' ? toFloats(x.dtype, numbersOf(x)) : (numbersOf(x) as Float32Array);
}

/** Rows [T, J] as rounded for products with weights of this type. */
export function readBy(type: ElementType, x: ArrayLike<number>, columns: number): ArrayLike<number> {
  return (isPacked(type) && type.readInput?.(x, columns)) || x;
}

/** Row `i`, in place. */
export const row = (x: Tensor, i: number): TypedArray => numbersOf(rows(x, i, i + 1));
