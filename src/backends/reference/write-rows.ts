/** See ops/write-rows.ts. */

import { isPacked, type Tensor } from '../../base/tensor.ts';
import { toFiniteF16 } from '../../formats/key-values.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf, row } from './memory.ts';

export const writeRows: Kernel<undefined> = ([pool, source, places]) => {
  const { dtype } = pool as Tensor;
  const x = source as Tensor;
  numbersOf(places as Tensor).forEach((place, n) => {
    const [to, numbers] = [row(pool as Tensor, place), row(x, n)];
    if (x.dtype === dtype) to.set(numbers);
    else if (isPacked(dtype)) to.set(dtype.pack(numbers, x.shape.with(0, 1)));
    else to.set(Array.from(numbers, toFiniteF16));
  });
};
