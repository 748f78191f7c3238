/**
 * A packed format stores the numbers of a tensor in fewer bytes than plain numbers. This descriptor defines it: files, memory estimates,
 * options, messages and the reference backend use only the descriptor. Other backends add kernels, and may use another layout in memory.
 */
import { type Shape, size } from '../base/tensor.ts';

export interface Format<Name extends string = string> {
  /** Name in options, messages and files. */
  readonly name: Name;
  /** What rounding loses, in one line. */
  readonly exactness: string;
  /** Type of the bytes, in memory and in files. */
  readonly bytes: 'u8' | 'i8';
  /** Shape of a tensor's bytes in the portable layout, that of files. */
  storedShape(shape: Shape): number[];
  /** Is every row of the last axis a separate, contiguous run of bytes? If not, a tensor is read and written as a whole. */
  readonly hasRows: boolean;
  /** Packs numbers into portable bytes. All steps round to f32, and kernels give the same bits. */
  pack(numbers: ArrayLike<number>, shape: Shape): PackedBytes;
  unpack(bytes: PackedBytes, shape: Shape): Float32Array;
  /** How plain numbers are packed during loading. Without it, the format is available only for checkpoints that are stored in it. */
  readonly part?: RowPart;
  /** Rounds rows [T, J] of an input as a product with such weights does; default: no rounding. */
  readInput?(x: ArrayLike<number>, columns: number): ArrayLike<number>;
  /** Its name, in texts and in JSON. */
  toString(): string;
  toJSON(): string;
}

/** A format of weight matrices, which users can ask for. */
export interface MatrixFormat<Name extends string = string> extends Format<Name> {
  /** The op that multiplies with it. Formats of `linear` are also supported by `embed` and `experts`. */
  readonly op: 'linear' | 'linearTernary';
  /** `quant_method` in the config.json of checkpoints that hold it. */
  readonly quantMethod: string;
  /** The format of matrices that cannot have this one; default: this one. */
  readonly others?: Format;
}

export type PackedBytes = Uint8Array | Int8Array;

/** Packs part of a row, which begins at a multiple of `columns` and ends at one or at the end of the row. */
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

/** The common methods of formats whose rows are packed one by one. */
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

/** Makes a format appear as its name in texts and JSON. */
export const named = <Name extends string>(name: Name) => ({ name, toString: () => name, toJSON: () => name });
