/**
 * Keys and values as int8: each row of the last axis (one token and head) of D numbers is D + 4 bytes, a scale (f32, little-endian) and D
 * signed bytes. scale = max|x| / 127, code = round(x 127 / max|x|), half to even. All steps round to f32.
 */

import { type Format, named, packedByRows } from './format.ts';
import { roundToInt8 } from './numbers.ts';

/** Bytes of a row's scale. */
export const I8_SCALE_BYTES = 4;

const viewOf = ({ buffer, byteOffset, byteLength }: Int8Array | Uint8Array) =>
  new DataView(buffer, byteOffset, byteLength);

export const i8Rows: Format<'i8rows'> = {
  ...named('i8rows'),
  exactness: 'rounded to 255 steps between the largest number of a row and its negative',
  ...packedByRows({
    bytes: 'i8',
    rowShape: (columns) => [columns + I8_SCALE_BYTES],
    packRow(numbers, into) {
      const scale = roundToInt8(numbers, 0, numbers.length, into.subarray(I8_SCALE_BYTES) as Int8Array);
      viewOf(into).setFloat32(0, scale, true);
    },
    unpackRow(bytes, into) {
      const scale = viewOf(bytes).getFloat32(0, true);
      for (let i = 0; i < into.length; i++) into[i] = scale * (bytes[I8_SCALE_BYTES + i] as number);
    },
  }),
};
