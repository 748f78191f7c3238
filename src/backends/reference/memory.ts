/** Where the reference backend keeps its numbers: one typed array per allocation. */
import { toFloats } from '../../numbers.ts';
import { arrayFor, byteSize, type DType, type Shape, size, type Tensor, type TypedArray } from '../../tensor.ts';

interface Memory {
  readonly data: TypedArray;
}

export function makeTensor(shape: Shape, dtype: DType): Tensor {
  const bytes = byteSize(shape, dtype);
  const length = dtype === 'ternary' ? bytes : size(shape);
  return place(arrayFor(dtype, new ArrayBuffer(bytes), 0, length), shape, dtype);
}

export function place(data: TypedArray, shape: Shape, dtype: DType): Tensor {
  return { shape, dtype, place: { data } satisfies Memory, offset: 0 };
}

/** The numbers of a tensor, in place; 16-bit floats and ternary codes as they are stored. */
export function numbersOf({ shape, dtype, place, offset }: Tensor): TypedArray {
  const length = dtype === 'ternary' ? byteSize(shape, dtype) : size(shape);
  return (place as Memory).data.subarray(offset, offset + length);
}

/** The numbers of a dense weight as f32. */
export function floatsOf(x: Tensor): Float32Array {
  return x.dtype === 'f16' || x.dtype === 'bf16' ? toFloats(x.dtype, numbersOf(x)) : (numbersOf(x) as Float32Array);
}
