/** See ops/quantize-rows.ts. */

import type { Tensor } from '../../base/tensor.ts';
import { roundHalfEven } from '../../formats/numbers.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const quantizeRows: Kernel<undefined> = ([x], [q, s]) => {
  const width = (x as Tensor).shape[1] as number;
  const [input, codes, scales] = [numbersOf(x as Tensor), numbersOf(q as Tensor), numbersOf(s as Tensor)];
  for (let t = 0; t < scales.length; t++) {
    let largest = Math.fround(1e-5);
    for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(at(input, t * width + j)));
    const scale = Math.fround(127 / largest); // f32 from here on: rounding decides the integers
    scales[t] = scale;
    for (let j = 0; j < width; j++) {
      const code = roundHalfEven(Math.fround(at(input, t * width + j) * scale));
      codes[t * width + j] = Math.min(127, Math.max(-128, code));
    }
  }
};
