/** See ops/mark-non-finite.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const markNonFinite: Kernel<undefined> = ([mark, x]) => {
  if (numbersOf(x as Tensor).some((value) => !Number.isFinite(value))) numbersOf(mark as Tensor)[0] = 1;
};
