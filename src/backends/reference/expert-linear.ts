/** See ops/expert-linear.ts and its backward ops. */
import type { Tensor } from '../../base/tensor.ts';
import type { ExpertRows } from '../../ops/expert-linear.ts';
import { at, dot, type Kernel } from './kernel.ts';
import { floatsOf, numbersOf, readBy } from './memory.ts';

/** Calls `visit` for each slot with the token, the slot, and the place in w of the expert's row `from`. */
function eachSlot(ids: Tensor, w: Tensor, from: number, visit: (token: number, slot: number, first: number) => void) {
  const [, n = 0, j = 0] = w.shape;
  const active = ids.shape[1] as number;
  numbersOf(ids).forEach((expert, slot) => {
    visit(Math.floor(slot / active), slot, (expert * n + from) * j);
  });
}

export const expertLinear: Kernel<ExpertRows> = ([x, ids, w], [y], { from, to }) => {
  const j = (x as Tensor).shape[1] as number;
  const weights = floatsOf(w as Tensor);
  const read = readBy((w as Tensor).dtype, numbersOf(x as Tensor), j);
  const out = numbersOf(y as Tensor);
  eachSlot(ids as Tensor, w as Tensor, from, (token, slot, first) => {
    for (let i = 0; i < to - from; i++) out[slot * (to - from) + i] = dot(read, token * j, weights, first + i * j, j);
  });
};

export const expertLinearBackward: Kernel<ExpertRows> = ([dy, ids, w], [dx], { from, to }) => {
  const j = (dx as Tensor).shape[1] as number;
  const [given, weights] = [numbersOf(dy as Tensor), floatsOf(w as Tensor)];
  const sums = new Float64Array(numbersOf(dx as Tensor).length);
  eachSlot(ids as Tensor, w as Tensor, from, (token, slot, first) => {
    for (let i = 0; i < to - from; i++)
      for (let k = 0; k < j; k++)
        sums[token * j + k] =
          at(sums, token * j + k) + at(given, slot * (to - from) + i) * at(weights, first + i * j + k);
  });
  numbersOf(dx as Tensor).set(sums);
};

export const addExpertOuter: Kernel<ExpertRows> = ([target, dy, x, ids], _, { from, to }) => {
  const j = (x as Tensor).shape[1] as number;
  const [given, read, sums] = [dy, x, target].map((some) => numbersOf(some as Tensor)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const added = new Float64Array(sums.length);
  eachSlot(ids as Tensor, target as Tensor, from, (token, slot, first) => {
    for (let i = 0; i < to - from; i++)
      for (let k = 0; k < j; k++)
        added[first + i * j + k] =
          at(added, first + i * j + k) + at(given, slot * (to - from) + i) * at(read, token * j + k);
  });
  for (let i = 0; i < sums.length; i++) sums[i] = at(sums, i) + at(added, i);
};
