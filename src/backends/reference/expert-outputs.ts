/** See ops/expert-outputs.ts. */

import type { Tensor } from '../../base/tensor.ts';
import type { Activation } from '../../ops/index.ts';
import { activations, dot, type Kernel } from './kernel.ts';
import { floatsOf, numbersOf, readBy } from './memory.ts';

export const expertOutputs: Kernel<{ activation: Activation }> = ([x, ids, wIn, wOut], [z], { activation }) => {
  const m = (x as Tensor).shape[1] as number;
  const active = (ids as Tensor).shape[1] as number;
  const inner = (wOut as Tensor).shape[2] as number;
  const [up, down] = [floatsOf(wIn as Tensor), floatsOf(wOut as Tensor)];
  const { dtype } = wIn as Tensor;
  const input = readBy(dtype, numbersOf(x as Tensor), m);
  const out = numbersOf(z as Tensor);
  const isDouble = (out as unknown) instanceof Float64Array;
  const rounded = (sum: number) => (isDouble ? sum : Math.fround(sum)); // as when the maps are ops of their own
  numbersOf(ids as Tensor).forEach((expert, slot) => {
    const first = Math.floor(slot / active) * m;
    const row = (r: number) => rounded(dot(input, first, up, (expert * 2 * inner + r) * m, m));
    const gated = (f: number) => activations[activation](row(f)) * row(inner + f);
    const hidden = readBy(
      dtype,
      isDouble
        ? Float64Array.from({ length: inner }, (_, f) => gated(f))
        : Float32Array.from({ length: inner }, (_, f) => gated(f)),
      inner,
    );
    for (let j = 0; j < m; j++) out[slot * m + j] = dot(hidden, 0, down, (expert * m + j) * inner, inner);
  });
};
