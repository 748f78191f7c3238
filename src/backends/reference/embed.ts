/** See ops/embed.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { floatsOf, numbersOf } from './memory.ts';

export const embed: Kernel<{ scale: number }> = ([table, ids], [y], { scale }) => {
  const width = (table as Tensor).shape[1] as number;
  const numbers = floatsOf(table as Tensor);
  const out = numbersOf(y as Tensor);
  numbersOf(ids as Tensor).forEach((id, t) => {
    for (let m = 0; m < width; m++) out[t * width + m] = scale * at(numbers, id * width + m);
  });
};
