/** Where the reference backend keeps its numbers: one typed array per allocation. */
import { toFloats } from '../../numbers.ts';
import { dequantize } from '../../quantised.ts';
import {
  arrayFor,
  arrayLength,
  byteSize,
  type DType,
  isBlockDType,
  type Shape,
  type Tensor,
  type TypedArray,
} from '../../tensor.ts';

interface Memory {
  readonly data: TypedArray;
}

export function makeTensor(shape: Shape, dtype: DType): Tensor {
  const bytes = byteSize(shape, dtype);
  return place(arrayFor(dtype, new ArrayBuffer(bytes), 0, arrayLength(shape, dtype)), shape, dtype);
}

export function place(data: TypedArray, shape: Shape, dtype: DType): Tensor {
  return { shape, dtype, place: { data } satisfies Memory, offset: 0 };
}

/** The numbers of a tensor, in place; 16-bit floats and ternary codes as they are stored. */
export function numbersOf({ shape, dtype, place, offset }: Tensor): TypedArray {
  return (place as Memory).data.subarray(offset, offset + arrayLength(shape, dtype));
}

/** The numbers of a weight as f32. */
export function floatsOf(x: Tensor): Float32Array {
  if (isBlockDType(x.dtype)) return dequantize(numbersOf(x) as Uint8Array, x.dtype, x.shape);
  return x.dtype === 'f16' || x.dtype === 'bf16' ? toFloats(x.dtype, numbersOf(x)) : (numbersOf(x) as Float32Array);
}
