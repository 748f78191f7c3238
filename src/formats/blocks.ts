/**
 * Block formats: every 32 columns of a row share a scale. A row of J columns is ceil(J / 32) blocks. A block is a scale (bfloat16,
 * little-endian) followed by 32 integer codes; weight = scale * code. Padding columns have code 0.
 */

import { type MatrixFormat, named, packedByRows } from './format.ts';
import { fromBf16, roundToInt8 } from './numbers.ts';

/** Columns that share a scale. */
export const BLOCK_COLUMNS = 32;

const SCALE_BYTES = 2;

/** `quant_method` of checkpoints that only this library reads. */
export const QUANT_METHOD = 'portmanteau';

interface Blocks<Name extends string> {
  readonly name: Name;
  readonly exactness: string;
  /** Bytes of 32 codes. */
  readonly codeBytes: number;
  /** Quantises 32 numbers: writes their codes, and returns the bits of the scale. */
  quantize(x: Float32Array, codes: Int8Array): number;
  store(codes: Int8Array, bytes: Uint8Array): void;
  load(bytes: Uint8Array, codes: Int8Array): void;
}

export function blockFormat<Name extends string>(blocks: Blocks<Name>): MatrixFormat<Name> {
  const { name, exactness, codeBytes, quantize, store, load } = blocks;
  const blockBytes = SCALE_BYTES + codeBytes;
  const x = new Float32Array(BLOCK_COLUMNS);
  const codes = new Int8Array(BLOCK_COLUMNS);
  const packRow = (numbers: Float32Array, into: Uint8Array) => {
    for (let first = 0, at = 0; first < numbers.length; first += BLOCK_COLUMNS, at += blockBytes) {
      x.fill(0).set(numbers.subarray(first, first + BLOCK_COLUMNS));
      const scale = quantize(x, codes.fill(0));
      into[at] = scale & 0xff;
      into[at + 1] = scale >>> 8;
      store(codes, into.subarray(at + SCALE_BYTES, at + blockBytes));
    }
  };
  const unpackRow = (bytes: Uint8Array, into: Float32Array) => {
    for (let first = 0, at = 0; first < into.length; first += BLOCK_COLUMNS, at += blockBytes) {
      const scale = fromBf16((bytes[at] as number) | ((bytes[at + 1] as number) << 8));
      load(bytes.subarray(at + SCALE_BYTES, at + blockBytes), codes);
      for (let k = 0; k < BLOCK_COLUMNS && first + k < into.length; k++) into[first + k] = scale * (codes[k] as number);
    }
  };
  const rowShape = (columns: number) => [Math.ceil(columns / BLOCK_COLUMNS), blockBytes];
  return {
    ...named(name),
    ...packedByRows({
      bytes: 'u8',
      rowShape,
      packRow: (numbers, into) => packRow(numbers, into as Uint8Array),
      unpackRow: (bytes, into) => unpackRow(bytes as Uint8Array, into),
    }),
    exactness,
    op: 'linear',
    quantMethod: QUANT_METHOD,
    part: { columns: BLOCK_COLUMNS, pack: (numbers, into) => packRow(numbers, into as Uint8Array) },
    readInput,
  };
}

/** Inputs are rounded to int8 with a scale for every 32 columns, so that the products of a block are exact integers. */
function readInput(x: ArrayLike<number>, columns: number): Float64Array {
  const read = new Float64Array(x.length);
  const codes = new Int8Array(BLOCK_COLUMNS);
  for (let row = 0; row < x.length; row += columns) {
    for (let first = 0; first < columns; first += BLOCK_COLUMNS) {
      const count = Math.min(BLOCK_COLUMNS, columns - first);
      const scale = roundToInt8(x, row + first, count, codes);
      for (let k = 0; k < count; k++) read[row + first + k] = (codes[k] as number) * scale;
    }
  }
  return read;
}
