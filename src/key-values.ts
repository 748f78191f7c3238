/**
 * The formats in which keys and values are remembered. This file is their definition; kernels that write them agree with it to the bit.
 *   f32  as computed
 *   f16  IEEE halves, rounded half to even; what lies beyond 65504, the largest finite one, becomes that, and so does NaN
 *   i8   each row (of one token and head) has a scale, f32, and int8 codes: scale = max|x| / 127, code = round(x 127 / max|x|), half to
 *        even; the type of such tensors is `i8rows`, and a row of D numbers lies in D + 4 bytes: the scale, then the codes
 * A query at infinity or NaN still gives NaN; only what it looks at is finite.
 */
import { UsageError } from './errors.ts';
import { roundToInt8, toF16 } from './numbers.ts';
import { type DType, I8_SCALE_BYTES } from './tensor.ts';

export const KEY_VALUE_FORMATS = ['f32', 'f16', 'i8'] as const;
export type KeyValueFormat = (typeof KEY_VALUE_FORMATS)[number];

/** The type of the tensors that hold a format. */
export const KEY_VALUE_DTYPE: Readonly<Record<KeyValueFormat, DType>> = { f32: 'f32', f16: 'f16', i8: 'i8rows' };

export function checkKeyValueFormat(text: string): KeyValueFormat {
  const found = KEY_VALUE_FORMATS.find((format) => format === text);
  if (!found) {
    throw new UsageError(
      `there is no format '${text}' of keys and values: choose one of ${KEY_VALUE_FORMATS.join(', ')}.`,
    );
  }
  return found;
}

const LARGEST_HALF = 0x7bff;

export function toFiniteF16(x: number): number {
  const half = toF16(x);
  return (half & 0x7c00) === 0x7c00 ? (half & 0x8000) | LARGEST_HALF : half;
}

/** Rows of `width` numbers as i8rows. All steps round to f32. */
export function packI8Rows(x: ArrayLike<number>, width: number, packed: Int8Array): void {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  for (let row = 0; row * width < x.length; row++) {
    const to = row * (width + I8_SCALE_BYTES);
    const codes = packed.subarray(to + I8_SCALE_BYTES, to + I8_SCALE_BYTES + width);
    view.setFloat32(to, roundToInt8(x, row * width, width, codes), true);
  }
}

/** The numbers of i8rows of `width`. */
export function unpackI8Rows(packed: Int8Array, width: number): Float32Array {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows = packed.length / (width + I8_SCALE_BYTES);
  const x = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const from = row * (width + I8_SCALE_BYTES);
    const scale = view.getFloat32(from, true);
    for (let i = 0; i < width; i++) x[row * width + i] = scale * (packed[from + I8_SCALE_BYTES + i] as number);
  }
  return x;
}
