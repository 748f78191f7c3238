/** See ops/convert.ts. */
import type { Tensor } from '../../base/tensor.ts';
import { fromBf16, toBf16 } from '../../formats/numbers.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const convert: Kernel<{ to: 'f32' | 'bf16' }> = ([x], [y], { to }) => {
  const [from, out] = [numbersOf(x as Tensor), numbersOf(y as Tensor)];
  const one = to === 'bf16' ? toBf16 : fromBf16;
  for (let i = 0; i < out.length; i++) out[i] = one(at(from, i));
};
