/**
 * The formats in which keys and values are remembered; kernels that write them agree with these definitions to the bit.
 *   f32  as computed
 *   f16  IEEE halves, rounded half to even; what lies beyond 65504, the largest finite one, becomes that, and so does NaN
 *   i8   int8 with a scale for each row of a token and head (i8-rows.ts)
 * A query at infinity or NaN still gives NaN; only what it looks at is finite.
 */

import type { ElementType } from '../base/tensor.ts';
import { i8Rows } from './i8-rows.ts';
import { toF16 } from './numbers.ts';

export const KEY_VALUE_FORMATS = ['f32', 'f16', 'i8'] as const;
export type KeyValueFormat = (typeof KEY_VALUE_FORMATS)[number];

/** The type of the tensors that hold a format. */
export const KEY_VALUE_DTYPE: Readonly<Record<KeyValueFormat, ElementType>> = { f32: 'f32', f16: 'f16', i8: i8Rows };

const LARGEST_HALF = 0x7bff;

export function toFiniteF16(x: number): number {
  const half = toF16(x);
  return (half & 0x7c00) === 0x7c00 ? (half & 0x8000) | LARGEST_HALF : half;
}
