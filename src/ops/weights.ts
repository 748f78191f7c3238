/** Element types of the weights that products and lookups take. */
import type { DType } from '../tensor.ts';

export const WEIGHT_DTYPES: readonly DType[] = ['f32', 'f16', 'bf16', 'q8', 'q4'];
