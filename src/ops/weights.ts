/** Element types of the weights that products and lookups take. */
import { MATRIX_FORMATS } from '../formats/index.ts';
import type { ElementType } from '../tensor.ts';

export const WEIGHT_DTYPES: readonly ElementType[] = [
  'f32',
  'f16',
  'bf16',
  ...MATRIX_FORMATS.filter(({ op }) => op === 'linear'),
];
