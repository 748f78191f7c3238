/** Element types of the weights that products and lookups take. */

import type { ElementType } from '../base/tensor.ts';
import { MATRIX_FORMATS } from '../formats/index.ts';

export const WEIGHT_DTYPES: readonly ElementType[] = [
  'f32',
  'f16',
  'bf16',
  ...MATRIX_FORMATS.filter(({ op }) => op === 'linear'),
];
