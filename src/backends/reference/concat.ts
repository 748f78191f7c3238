/** See ops/concat.ts. */
import { rows, type Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const concat: Kernel<undefined> = (parts, [y]) => {
  let first = 0;
  for (const x of parts) {
    const end = first + (x.shape[0] as number);
    numbersOf(rows(y as Tensor, first, end)).set(numbersOf(x));
    first = end;
  }
};
