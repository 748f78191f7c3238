/** In which format each kind of weight is kept in memory: decided here and nowhere else. */
import type { StoredDType } from '../checkpoint/safetensors.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import type { DType } from '../tensor.ts';

/** What a user can ask for. `auto`: as stored, or at 16 bits when that is what fits. */
export const WEIGHT_FORMATS = ['auto', 'f32', 'bf16', 'f16'] as const;
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** How a model uses a tensor. */
export type WeightKind = 'vector' | 'table' | 'matrix' | 'experts';

const STORED: Partial<Record<StoredDType, DType>> = { F64: 'f32', F32: 'f32', F16: 'f16', BF16: 'bf16' };

export function checkWeightFormat(text: string): WeightFormat {
  const found = WEIGHT_FORMATS.find((format) => format === text);
  if (!found) throw new UsageError(`there is no weight format '${text}': choose one of ${WEIGHT_FORMATS.join(', ')}.`);
  return found;
}

/** Vectors (norms, biases, convolutions, recurrences, routers) are small and sensitive: always f32. */
export function formatOf(kind: WeightKind, name: string, stored: StoredDType, wanted: WeightFormat): DType {
  const asStored = STORED[stored];
  if (!asStored) {
    throw new CheckpointError(
      `'${name}' is stored as ${stored}, which is no type for weights here: wanted F32, F16 or BF16.`,
    );
  }
  if (kind === 'vector') return 'f32';
  return wanted === 'auto' ? asStored : wanted;
}
