/**
 * A tensor is a handle: shape, type, and a place that only its backend understands.
 *
 * Axis legend, used in every comment and error of this project:
 *   T tokens (all sequences packed)  S keys attended   C state capacity   M model width
 *   H query heads   K key/value heads   D head width   F feed-forward width   V vocabulary
 *   X experts   A active experts per token   E Mamba inner width   N Mamba state size   R Mamba dt rank
 *   W convolution window   Z Backpack senses
 */

/**
 * Element types. `ternary` is a weight format: codes 0, 1, 2 = -1, 0, +1, four to a byte, logical shape [out, in],
 * stored as in 1.58-bit checkpoints (byte [p, k] holds rows p, p + R, p + 2R, p + 3R of column k, low bits first, R = out / 4).
 * `q8` and `q4` are weight formats of 7 and 4 bits with a scale for every 32, logical shape [..., out, in], laid out as quantised.ts says.
 * `i8rows` is a format of keys and values: rows of the last axis, each with a scale before its codes, as key-values.ts says.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i8' | 'u8' | 'i32' | 'ternary' | 'i8rows' | BlockDType;

/** Weight formats of blocks: small integers that share a scale. */
export type BlockDType = 'q8' | 'q4';

/** Columns that share a scale, and rows that lie side by side. */
export const BLOCK_COLUMNS = 32;
export const PANEL_ROWS = 16;

/** Bytes of the scales (bfloat16) and codes of a block's columns in all rows of a panel. */
export const BLOCK_BYTES: Readonly<Record<BlockDType, number>> = { q8: 32 + 512, q4: 32 + 256 };

export const isBlockDType = (dtype: DType): dtype is BlockDType => dtype in BLOCK_BYTES;

export type Shape = readonly number[];

/** Whatever a backend needs to find the numbers again. */
export type Place = object;

export interface Tensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly place: Place;
  /** Elements between the start of the place and the first number: views share a place. */
  readonly offset: number;
}

export type TypedArray = Float32Array | Uint16Array | Int8Array | Uint8Array | Int32Array;

/** Bytes of the scale of a row of `i8rows`. */
export const I8_SCALE_BYTES = 4;

const BITS: Record<Exclude<DType, 'ternary' | 'i8rows' | BlockDType>, number> = {
  f32: 32,
  f16: 16,
  bf16: 16,
  i8: 8,
  u8: 8,
  i32: 32,
};

/** Number of elements of a shape; 1 for the empty shape. */
export function size(shape: Shape): number {
  return shape.reduce((n, d) => n * d, 1);
}

/**
 * Bytes that a tensor of this shape and type occupies. Ternary rows are rounded up to whole bytes of four rows, blocks to whole panels
 * of rows and whole blocks of columns.
 */
export function byteSize(shape: Shape, dtype: DType): number {
  if (dtype === 'ternary') {
    const [rows = 1, ...rest] = shape;
    return Math.ceil(rows / 4) * size(rest);
  }
  if (isBlockDType(dtype)) {
    const [rows = 1, columns = 1] = shape.slice(-2);
    const blocks = Math.ceil(rows / PANEL_ROWS) * Math.ceil(columns / BLOCK_COLUMNS);
    return size(shape.slice(0, -2)) * blocks * BLOCK_BYTES[dtype];
  }
  if (dtype === 'i8rows') return size(shape.slice(0, -1)) * ((shape.at(-1) ?? 1) + I8_SCALE_BYTES);
  return (size(shape) * BITS[dtype]) / 8;
}

/** Bytes between the start of the place and the first number. Rows of packed formats are never cut. */
export function byteOffset({ shape, dtype, offset }: Tensor): number {
  const width = dtype === 'i8rows' ? (shape.at(-1) ?? 1) : 1;
  return offset === 0 ? 0 : byteSize([offset / width, width], dtype);
}

/** `[3, 4]`, as it stands in error messages. */
export function show(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Elements of the array that holds a tensor: numbers, or the bytes of packed formats. */
export function arrayLength(shape: Shape, dtype: DType): number {
  return dtype === 'ternary' || dtype === 'i8rows' || isBlockDType(dtype) ? byteSize(shape, dtype) : size(shape);
}

/** The JavaScript array that holds elements of this type (16-bit floats as raw bits, packed formats as bytes). */
export function arrayFor(dtype: DType, buffer: ArrayBufferLike, byteOffset: number, length: number): TypedArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, length);
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'i8':
    case 'i8rows':
      return new Int8Array(buffer, byteOffset, length);
    case 'i32':
      return new Int32Array(buffer, byteOffset, length);
    case 'u8':
    case 'ternary':
    case 'q8':
    case 'q4':
      return new Uint8Array(buffer, byteOffset, length);
    default:
      return dtype satisfies never;
  }
}

/** What can be copied into the memory of a step. */
export type Uploadable = Float32Array | Int32Array | Int8Array | Uint16Array;

/** The type of the numbers in an array; 16 bits are halves. */
export function dtypeOf(data: Uploadable): 'f32' | 'i32' | 'f16' | 'i8' {
  if (data instanceof Float32Array) return 'f32';
  if (data instanceof Int32Array) return 'i32';
  return data instanceof Uint16Array ? 'f16' : 'i8';
}

/** The same numbers under another shape. Throws RangeError when the counts differ. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (size(shape) !== size(x.shape)) throw new RangeError(`reshape: ${show(x.shape)} does not fit ${show(shape)}`);
  return { ...x, shape };
}

/** Rows `from` to `to` (exclusive) of the first axis, without a copy. */
export function rows(x: Tensor, from: number, to: number): Tensor {
  const [count = 1, ...rest] = x.shape;
  if (from < 0 || to < from || to > count) throw new RangeError(`rows: ${from}..${to} of ${show(x.shape)}`);
  return { ...x, shape: [to - from, ...rest], offset: x.offset + from * size(rest) };
}
