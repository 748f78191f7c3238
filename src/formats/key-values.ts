/**
 * The formats of the KV cache; kernels write the same bits as these definitions.
 *   f32  as computed
 *   f16  IEEE halves, rounded half to even; what lies beyond 65504, the largest finite one, becomes that, and so does NaN
 *   i8   int8 with a scale for each row of a token and head (i8-rows.ts)
 * Stored keys and values are always finite; a query of infinity or NaN still gives NaN.
 */

import type { ElementType } from '../base/tensor.ts';
import { i8Rows } from './i8-rows.ts';
import { toF16 } from './numbers.ts';

export const KEY_VALUE_FORMATS = ['f32', 'f16', 'i8'] as const;
export type KeyValueFormat = (typeof KEY_VALUE_FORMATS)[number];

/** The element type of tensors in each format. */
export const KEY_VALUE_DTYPE: Readonly<Record<KeyValueFormat, ElementType>> = { f32: 'f32', f16: 'f16', i8: i8Rows };

const LARGEST_HALF = 0x7bff;

export function toFiniteF16(x: number): number {
  const half = toF16(x);
  return (half & 0x7c00) === 0x7c00 ? (half & 0x8000) | LARGEST_HALF : half;
}
