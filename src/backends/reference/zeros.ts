/** See ops/zeros.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const zeros: Kernel<undefined> = (_, [y]) => void numbersOf(y as Tensor).fill(0);
