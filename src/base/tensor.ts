/**
 * A tensor is a handle: shape, type, and a place that only its backend understands.
 *
 * Axis legend, used in every comment and error of this project:
 *   T tokens (all sequences packed)  S keys attended   C state capacity   M model width
 *   H query heads   K key/value heads   D head width   F feed-forward width   V vocabulary
 *   J input width of a linear map   X experts   A active experts per token   E Mamba inner width   N Mamba state size   R Mamba dt rank
 *   W convolution window   Z Backpack senses
 */
import type { Format } from '../formats/format.ts';

/** Types of plain numbers. */
export type DType = 'f32' | 'f16' | 'bf16' | 'i8' | 'u8' | 'i32';

/** Element type of a tensor: plain numbers, or a packed format of src/formats. */
export type ElementType = DType | Format;

export const isPacked = (type: ElementType): type is Format => typeof type !== 'string';

export type Shape = readonly number[];

/** A backend's reference to the memory of a tensor. */
export type Place = object;

/** Place of a weight that is declared but not allocated yet. */
export const NOWHERE: Place = Object.freeze({});

export interface Tensor {
  readonly shape: Shape;
  readonly dtype: ElementType;
  readonly place: Place;
  /** Elements between the start of the place and the first number; views have the place of their tensor. */
  readonly offset: number;
}

export type TypedArray = Float32Array | Uint16Array | Int8Array | Uint8Array | Int32Array;

const BYTES: Record<DType, number> = { f32: 4, f16: 2, bf16: 2, i8: 1, u8: 1, i32: 4 };

/** Number of elements of a shape; 1 for the empty shape. */
export function size(shape: Shape): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Bytes of a tensor of this shape and type; of a packed one in its portable layout. */
export function byteSize(shape: Shape, dtype: ElementType): number {
  return isPacked(dtype) ? size(dtype.storedShape(shape)) : size(shape) * BYTES[dtype];
}

/** Bytes between the start of the place and the first number, for contiguous rows. */
export function byteOffset({ shape, dtype, offset }: Tensor): number {
  if (!isPacked(dtype)) return offset * BYTES[dtype];
  const columns = shape.at(-1) ?? 1;
  return offset === 0 ? 0 : byteSize([offset / columns, columns], dtype);
}

/** Formats a shape for messages: `[3, 4]`. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Elements of the array that holds a tensor: numbers, or the bytes of packed formats. */
export function arrayLength(shape: Shape, dtype: ElementType): number {
  return isPacked(dtype) ? byteSize(shape, dtype) : size(shape);
}

/** The JavaScript array that holds elements of this type (16-bit floats as raw bits, packed formats as bytes). */
export function arrayFor(type: ElementType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  const dtype = isPacked(type) ? type.bytes : type;
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, length);
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'i8':
      return new Int8Array(buffer, byteOffset, length);
    case 'i32':
      return new Int32Array(buffer, byteOffset, length);
    case 'u8':
      return new Uint8Array(buffer, byteOffset, length);
    default:
      return dtype satisfies never;
  }
}

/** Arrays that can be uploaded into the memory of a step. */
export type Uploadable = Float32Array | Int32Array | Int8Array | Uint16Array;

/** The element type of an array; Uint16Array holds f16. */
export function dtypeOf(data: Uploadable): 'f32' | 'i32' | 'f16' | 'i8' {
  if (data instanceof Float32Array) return 'f32';
  if (data instanceof Int32Array) return 'i32';
  return data instanceof Uint16Array ? 'f16' : 'i8';
}

/** A view of the same numbers in another shape. Throws RangeError when the counts differ, or when `x` is not allocated yet. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkPlaced('reshape', x);
  if (size(shape) !== size(x.shape)) throw new RangeError(`reshape: ${show(x.shape)} does not fit ${show(shape)}`);
  return { ...x, shape };
}

/**
 * A view of rows `from` to `to` (exclusive) of the first axis. Throws RangeError when they do not exist, or when the format has no separate
 * rows.
 */
export function rows(x: Tensor, from: number, to: number): Tensor {
  checkPlaced('rows', x);
  const [count = 1, ...rest] = x.shape;
  if (isPacked(x.dtype) && !x.dtype.hasRows) throw new RangeError(`rows: those of ${x.dtype} cannot be cut`);
  if (from < 0 || to < from || to > count) throw new RangeError(`rows: ${from}..${to} of ${show(x.shape)}`);
  return { ...x, shape: [to - from, ...rest], offset: x.offset + from * size(rest) };
}

/** A view of a weight that is not allocated yet would keep the wrong place. */
function checkPlaced(view: string, { place, shape }: Tensor): void {
  if (place !== NOWHERE) return;
  throw new RangeError(
    `${view}: this weight ${show(shape)} has no memory yet: use ops.${view} in the forward pass, or declare it under the shape you want.`,
  );
}
