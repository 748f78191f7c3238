/** The values of a model that sense fine-tuning reads and changes, by the names of their sites. */
import { UsageError } from '../../base/errors.ts';
import type { LanguageModel } from '../../models/model.ts';

/** Sense vectors of each token, [T, Z, M]. */
export const SENSE_VECTORS = 'senses';
/** How much each sense of each earlier token counts, [Z, T, S]. */
export const SENSE_WEIGHTS = 'senseWeights';

/** Throws UsageError where tokens have no senses. */
export function checkSenses(model: LanguageModel): void {
  if (!model.senses)
    throw new UsageError(
      '"train": "senses" needs a model whose tokens have sense vectors, and this one has none: train "full" or "lora".',
    );
}
