/** Decides in which format each kind of weight is kept in memory; nothing else does. */

import { CheckpointError, UsageError } from '../base/errors.ts';
import type { DType, ElementType } from '../base/tensor.ts';
import type { StoredDType } from '../checkpoint/safetensors.ts';
import type { Format } from '../formats/format.ts';
import { MATRIX_FORMATS, type MatrixFormatName, matrixFormat } from '../formats/index.ts';

const PLAIN = ['f32', 'bf16', 'f16'] as const;

/**
 * The formats that a user can choose: `auto`, a plain number type, or a packed format. `auto`: as stored, or else the first of AUTO_FORMATS
 * that fits.
 */
export type WeightFormat = 'auto' | (typeof PLAIN)[number] | MatrixFormatName;

export const WEIGHT_FORMATS: readonly WeightFormat[] = ['auto', ...PLAIN, ...MATRIX_FORMATS.map(({ name }) => name)];

/** The formats that `auto` tries, the most accurate first. */
export const AUTO_FORMATS: readonly WeightFormat[] = [
  'auto',
  'bf16',
  ...MATRIX_FORMATS.filter(({ part }) => part).map(({ name }) => name),
];

/** How a model uses a tensor. */
export type WeightKind = 'vector' | 'table' | 'matrix' | 'experts';

const STORED: Partial<Record<StoredDType, DType>> = { F64: 'f32', F32: 'f32', F16: 'f16', BF16: 'bf16' };

export function checkWeightFormat(text: string): WeightFormat {
  const found = WEIGHT_FORMATS.find((format) => format === text);
  if (!found) throw new UsageError(`there is no weight format '${text}': choose one of ${WEIGHT_FORMATS.join(', ')}.`);
  return found;
}

/** The packed format of matrices that are stored as plain numbers. */
function packedFor(wanted: WeightFormat): Format | undefined {
  const format = matrixFormat(wanted);
  return format?.others ?? format;
}

/**
 * Can weights stored in this packed format be loaded as `wanted`? They cannot be converted to another format, because the original numbers
 * are lost.
 */
export const keepsPacked = (stored: Format, wanted: WeightFormat): boolean =>
  wanted === 'auto' || packedFor(wanted) === stored;

/** Throws UsageError when `keepsPacked` is false. */
export function checkKeepsPacked(name: string, stored: Format, wanted: WeightFormat): void {
  if (keepsPacked(stored, wanted)) return;
  throw new UsageError(
    `the weights of this checkpoint are ${stored} already ('${name}') and cannot be converted to ${wanted}: omit the format, or use the ` +
      `checkpoint that they were made from.`,
  );
}

/**
 * The type in memory of a weight that is stored as plain numbers. Vectors (norms, biases, convolutions, recurrences, routers) are always
 * f32: they are small, and rounding them costs accuracy.
 */
export function formatOf(kind: WeightKind, name: string, stored: StoredDType, wanted: WeightFormat): ElementType {
  const asStored = STORED[stored];
  if (!asStored) {
    throw new CheckpointError(
      `'${name}' is stored as ${stored}, which is no type for weights here: wanted F32, F16 or BF16.`,
    );
  }
  if (kind === 'vector') return 'f32';
  return wanted === 'auto' ? asStored : (packedFor(wanted) ?? (wanted as DType));
}
