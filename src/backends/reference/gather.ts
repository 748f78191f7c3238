/** See ops/gather.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf, row } from './memory.ts';

export const gather: Kernel<undefined> = ([x, places], [y]) => {
  numbersOf(places as Tensor).forEach((place, n) => {
    row(y as Tensor, n).set(row(x as Tensor, place));
  });
};
