/**
 * A packed format: numbers of a tensor kept together in bytes, smaller than one by one. Its descriptor is its definition: files, memory
 * estimates, options, messages and the reference backend follow from it. Other backends add kernels, and may lay the bytes out for these.
 */
import { type Shape, size } from '../base/tensor.ts';

export interface Format<Name extends string = string> {
  /** As users ask for it, and as messages and files call it. */
  readonly name: Name;
  /** What is lost, in one line. */
  readonly exactness: string;
  /** Type of the bytes, in memory and in files. */
  readonly bytes: 'u8' | 'i8';
  /** Shape of a tensor's bytes in the portable layout, which files have and no kernel decides. */
  storedShape(shape: Shape): number[];
  /** Have the rows of the last axis bytes of their own, one after another? Else a tensor is read and written as a whole. */
  readonly hasRows: boolean;
  /** Numbers into portable bytes. All steps round to f32, and kernels agree to the bit. */
  pack(numbers: ArrayLike<number>, shape: Shape): PackedBytes;
  unpack(bytes: PackedBytes, shape: Shape): Float32Array;
  /** How numbers are packed while they are read. Without it, only checkpoints that hold the format already can be kept in it. */
  readonly part?: RowPart;
  /** Rows [T, J] of an input as a product with such weights reads them; default: as they are. */
  readInput?(x: ArrayLike<number>, columns: number): ArrayLike<number>;
  /** Its name, in texts and in JSON. */
  toString(): string;
  toJSON(): string;
}

/** A format of weight matrices, which users can ask for. */
export interface MatrixFormat<Name extends string = string> extends Format<Name> {
  /** The op that multiplies with it. What `linear` takes, `embed` and `experts` take too. */
  readonly op: 'linear' | 'linearTernary';
  /** `quant_method` in the config.json of checkpoints that hold it. */
  readonly quantMethod: string;
  /** What other matrices become when a user asks for this format; default: this. */
  readonly others?: Format;
}

export type PackedBytes = Uint8Array | Int8Array;

/** Packs part of a row: it begins at a multiple of so many columns, and ends at one or with the row. */
export interface RowPart {
  readonly columns: number;
  pack(numbers: Float32Array, into: PackedBytes): void;
}

interface Rows {
  readonly bytes: 'u8' | 'i8';
  /** Shape of the bytes of a row. */
  rowShape(columns: number): number[];
  packRow(numbers: Float32Array, into: PackedBytes): void;
  unpackRow(bytes: PackedBytes, into: Float32Array): void;
}

/** What is the same for all formats whose rows are packed one by one. */
export function packedByRows({ bytes, rowShape, packRow, unpackRow }: Rows) {
  const storedShape = (shape: Shape) => [...shape.slice(0, -1), ...rowShape(shape.at(-1) ?? 1)];
  const eachRow = (floats: Float32Array, packed: PackedBytes, columns: number, convert: Rows['packRow']) => {
    const length = size(rowShape(columns));
    for (let row = 0; row * columns < floats.length; row++)
      convert(floats.subarray(row * columns, (row + 1) * columns), packed.subarray(row * length, (row + 1) * length));
  };
  return {
    bytes,
    storedShape,
    hasRows: true,
    pack(numbers: ArrayLike<number>, shape: Shape): PackedBytes {
      const count = size(storedShape(shape));
      const packed = bytes === 'u8' ? new Uint8Array(count) : new Int8Array(count);
      eachRow(Float32Array.from(numbers), packed, shape.at(-1) ?? 1, packRow);
      return packed;
    },
    unpack(packed: PackedBytes, shape: Shape): Float32Array {
      const floats = new Float32Array(size(shape));
      eachRow(floats, packed, shape.at(-1) ?? 1, (numbers, some) => unpackRow(some, numbers));
      return floats;
    },
  };
}

/** Writes a name where a format stands in a text or in JSON. */
export const named = <Name extends string>(name: Name) => ({ name, toString: () => name, toJSON: () => name });
