/** Number formats: conversion of 16-bit floats from and to f32, and of blocks of stored numbers to the type of a tensor. */
import type { DType, Shape, TypedArray } from '../base/tensor.ts';

/** Types of numbers in checkpoints. */
export type SourceDType = 'f32' | 'f16' | 'bf16' | 'f64' | 'i8' | 'u8' | 'i32';

/** A rectangle of a weight matrix: rows `row`.. and columns `column`.. of the tensor viewed as [all other axes, last axis]. */
export interface Block {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
  readonly dtype: SourceDType;
  /** Row-major numbers: [rows, columns], or [columns, rows] when `transposed`. */
  readonly bytes: Uint8Array;
  readonly transposed: boolean;
  /** Numbers from the start of one row in `bytes` to the start of the next, when rows are not contiguous. */
  readonly stride?: number;
}

const f32 = new Float32Array(1);
const bits = new Uint32Array(f32.buffer);

/** bfloat16 is the upper half of an f32. */
export function fromBf16(x: number): number {
  bits[0] = x << 16;
  return f32[0] as number;
}

/** Rounds half to even, as the hardware does; NaN stays NaN. */
export function toBf16(x: number): number {
  f32[0] = x;
  const b = bits[0] as number;
  if ((b & 0x7fffffff) > 0x7f800000) return (b >>> 16) | 0x40;
  return (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
}

/** The nearest integer, of two the even one. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
}

/** Groups of numbers smaller than this are rounded to zero: the inverse of their scale would not be finite. */
export const TINY = 2 ** -100;

/**
 * Rounds `count` numbers to int8 with one scale, which is returned: code = round(x 127 / max|x|), half to even, scale = max|x| / 127. All
 * steps round to f32.
 */
export function roundToInt8(x: ArrayLike<number>, from: number, count: number, codes: Int8Array): number {
  const { fround } = Math;
  let most = 0;
  for (let i = from; i < from + count; i++) most = Math.max(most, Math.abs(x[i] as number));
  const inverse = most >= TINY ? fround(127 / most) : 0;
  for (let i = 0; i < count; i++) codes[i] = roundHalfEven(fround((x[from + i] as number) * inverse));
  return most >= TINY ? fround(most / 127) : 0;
}

/** IEEE 754 binary16. */
export function fromF16(x: number): number {
  const exponent = (x >> 10) & 31;
  const fraction = x & 1023;
  const sign = x & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Rounds half to even; numbers that are too large become infinite. */
export function toF16(x: number): number {
  f32[0] = x;
  const b = bits[0] as number;
  const sign = (b >>> 16) & 0x8000;
  const magnitude = b & 0x7fffffff;
  if (magnitude >= 0x47800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude < 0x38800000) {
    // Subnormal: an integer times 2^-24. Adding 1.5 * 2^23 rounds it in f32.
    f32[0] = Math.abs(f32[0] as number) * 2 ** 24 + 12582912;
    return sign | ((bits[0] as number) & 0x7ff);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

const halves = new Float32Array(65536);
let halvesReady = false;

/** All 65536 halves as f32: a lookup is several times faster than the arithmetic. */
function halfTable(): Float32Array {
  if (!halvesReady) for (let i = 0; i < 65536; i++) halves[i] = fromF16(i);
  halvesReady = true;
  return halves;
}

/** The bytes of a checkpoint as an array of numbers; little-endian. Copies only when the bytes are not aligned. */
export function view(dtype: SourceDType, bytes: Uint8Array): TypedArray | Float64Array {
  const width = { f64: 8, f32: 4, i32: 4, f16: 2, bf16: 2, i8: 1, u8: 1 }[dtype];
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const length = bytes.length / width;
  switch (dtype) {
    case 'f64':
      return new Float64Array(buffer, byteOffset, length);
    case 'f32':
      return new Float32Array(buffer, byteOffset, length);
    case 'i32':
      return new Int32Array(buffer, byteOffset, length);
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'i8':
      return new Int8Array(buffer, byteOffset, length);
    case 'u8':
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** Converts numbers to f32; returns the same array when they are f32 already. */
export function toFloats(dtype: SourceDType, numbers: TypedArray | Float64Array): Float32Array {
  return dtype === 'f32' ? (numbers as Float32Array) : widen(dtype, numbers, new Float32Array(numbers.length));
}

function widen(dtype: SourceDType, numbers: TypedArray | Float64Array, floats: Float32Array): Float32Array {
  if (dtype === 'bf16') {
    const raw = new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
    for (let i = 0; i < raw.length; i++) raw[i] = (numbers[i] as number) << 16;
  } else if (dtype === 'f16') {
    const table = halfTable();
    for (let i = 0; i < floats.length; i++) floats[i] = table[numbers[i] as number] as number;
  } else {
    floats.set(numbers);
  }
  return floats;
}

/**
 * Converts numbers of a checkpoint to the type of a tensor. Returns the same array when nothing changes, else one that the next call
 * overwrites.
 */
function convert(numbers: TypedArray | Float64Array, from: SourceDType, to: DType): TypedArray {
  if (from === to) return numbers as TypedArray;
  const floats =
    from === 'f32' ? (numbers as Float32Array) : widen(from, numbers, scratchOf(floatScratch, numbers.length));
  if (to === 'f32') return floats;
  if (to !== 'f16' && to !== 'bf16') throw new TypeError(`${from} numbers cannot be kept as ${to}`);
  const narrow = to === 'bf16' ? toBf16 : toF16;
  const halves = scratchOf(halfScratch, floats.length);
  for (let i = 0; i < halves.length; i++) halves[i] = narrow(floats[i] as number);
  return halves;
}

/** Reused for every chunk of a load: new arrays would accumulate until garbage collection. */
const floatScratch = { array: new Float32Array(0) };
const halfScratch = { array: new Uint16Array(0) };

function scratchOf<A extends Float32Array | Uint16Array>(scratch: { array: A }, length: number): A {
  if (scratch.array.length < length) scratch.array = new (scratch.array.constructor as new (n: number) => A)(length);
  return scratch.array.subarray(0, length) as A;
}

/** Side of the squares in which a matrix is transposed, so that source and target stay in the cache. */
const TURN = 32;

/** Writes a block into `target`, the numbers of a tensor. */
export function fillBlock(target: TypedArray, { shape, dtype }: { shape: Shape; dtype: DType }, block: Block): void {
  const rowLength = shape.at(-1) ?? 1;
  const { row, column, rows, columns, transposed, stride = transposed ? rows : columns } = block;
  const numbers = convert(view(block.dtype, block.bytes), block.dtype, dtype);
  if (transposed) turn(target, rowLength, numbers, block, stride);
  else if (columns === rowLength && columns === stride) target.set(numbers, row * rowLength + column);
  else {
    for (let i = 0; i < rows; i++)
      target.set(numbers.subarray(i * stride, i * stride + columns), (row + i) * rowLength + column);
  }
}

function turn(target: TypedArray, rowLength: number, numbers: TypedArray, block: Block, stride: number): void {
  const { row, column, rows, columns } = block;
  for (let i0 = 0; i0 < rows; i0 += TURN) {
    for (let j0 = 0; j0 < columns; j0 += TURN) {
      const iEnd = Math.min(i0 + TURN, rows);
      const jEnd = Math.min(j0 + TURN, columns);
      for (let i = i0; i < iEnd; i++) {
        const at = (row + i) * rowLength + column;
        for (let j = j0; j < jEnd; j++) target[at + j] = numbers[j * stride + i] as number;
      }
    }
  }
}
