/** In which format each kind of weight is kept in memory: decided here and nowhere else. */
import type { StoredDType } from '../checkpoint/safetensors.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import type { BlockDType, DType } from '../tensor.ts';

/**
 * What a user can ask for. `ternary`: ternary layers as they are, all else q8. `auto`: as stored, or the first of AUTO_FORMATS that fits.
 */
export const WEIGHT_FORMATS = ['auto', 'f32', 'bf16', 'f16', 'q8', 'q4', 'ternary'] as const;
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** What `auto` tries, the least loss first. */
export const AUTO_FORMATS: readonly WeightFormat[] = ['auto', 'bf16', 'q8', 'q4'];

/** How a model uses a tensor. */
export type WeightKind = 'vector' | 'table' | 'matrix' | 'experts';

const STORED: Partial<Record<StoredDType, DType>> = { F64: 'f32', F32: 'f32', F16: 'f16', BF16: 'bf16' };

export function checkWeightFormat(text: string): WeightFormat {
  const found = WEIGHT_FORMATS.find((format) => format === text);
  if (!found) throw new UsageError(`there is no weight format '${text}': choose one of ${WEIGHT_FORMATS.join(', ')}.`);
  return found;
}

/** Can weights stored as these blocks be had in that format? What was rounded away does not come back. */
export const keepsBlocks = (stored: BlockDType, wanted: WeightFormat): boolean =>
  wanted === 'auto' || (wanted === 'ternary' ? 'q8' : wanted) === stored;

/** Throws UsageError when they cannot. */
export function checkKeepsBlocks(name: string, stored: BlockDType, wanted: WeightFormat): void {
  if (keepsBlocks(stored, wanted)) return;
  throw new UsageError(
    `the weights of this checkpoint are ${stored} already ('${name}') and cannot be had as ${wanted}: leave out the format, or take the ` +
      `checkpoint that they were made from.`,
  );
}

/**
 * The type in memory of a weight that the checkpoint stores as numbers; ternary layers and blocks stay as they are stored. Vectors (norms,
 * biases, convolutions, recurrences, routers) are small and sensitive: always f32.
 */
export function formatOf(kind: WeightKind, name: string, stored: StoredDType, wanted: WeightFormat): DType {
  const asStored = STORED[stored];
  if (!asStored) {
    throw new CheckpointError(
      `'${name}' is stored as ${stored}, which is no type for weights here: wanted F32, F16 or BF16.`,
    );
  }
  if (kind === 'vector') return 'f32';
  if (wanted === 'ternary') return 'q8';
  return wanted === 'auto' ? asStored : wanted;
}
