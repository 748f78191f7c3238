/** See ops/assign.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const assign: Kernel<undefined> = ([target, source]) =>
  numbersOf(target as Tensor).set(numbersOf(source as Tensor));
