/** See ops/backward/{expert-gates,sum-slots,expert-outputs}-backward.ts. */
import type { Tensor } from '../../../base/tensor.ts';
import type { Activation } from '../../../ops/index.ts';
import { activations, at, dot, type Kernel } from '../kernel.ts';
import { floatsOf, numbersOf } from '../memory.ts';
import { slopes } from './elementwise.ts';

export const expertGatesBackward: Kernel<{ experts: number }> = ([ids, gates, dgates], [dlogits], { experts }) => {
  const active = (ids as Tensor).shape[1] as number;
  const [p, dp] = [numbersOf(gates as Tensor), numbersOf(dgates as Tensor)];
  const out = numbersOf(dlogits as Tensor).fill(0);
  numbersOf(ids as Tensor).forEach((id, slot) => {
    const first = Math.floor(slot / active) * active;
    const mean = dot(p, first, dp, first, active);
    out[Math.floor(slot / active) * experts + id] = at(p, slot) * (at(dp, slot) - mean);
  });
};

export const sumSlotsBackward: Kernel<undefined> = ([z, gates, dy], [dz, dgates]) => {
  const [, active = 0, m = 0] = (z as Tensor).shape;
  const [values, factors, given] = [z, gates, dy].map((x) => numbersOf(x as Tensor)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [out, sums] = [numbersOf(dz as Tensor), numbersOf(dgates as Tensor)];
  for (let slot = 0; slot < sums.length; slot++) {
    const token = Math.floor(slot / active);
    sums[slot] = dot(values, slot * m, given, token * m, m);
    for (let j = 0; j < m; j++) out[slot * m + j] = at(factors, slot) * at(given, token * m + j);
  }
};

export const expertOutputsBackward: Kernel<{ activation: Activation }> = (inputs, [dx], { activation }) => {
  const [x, ids, wIn, wOut, dz, dIn, dOut] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor?, Tensor?];
  const [m, active, inner] = [x.shape[1], ids.shape[1], wOut.shape[2]] as [number, number, number];
  const [input, up, down, given] = [numbersOf(x), floatsOf(wIn), floatsOf(wOut), numbersOf(dz)];
  const [sumIn, sumOut] = [dIn && numbersOf(dIn), dOut && numbersOf(dOut)];
  const sum = new Float64Array(input.length);
  numbersOf(ids).forEach((expert, slot) => {
    const first = Math.floor(slot / active) * m;
    const rowIn = (r: number) => (expert * 2 * inner + r) * m;
    for (let f = 0; f < inner; f++) {
      const g = dot(input, first, up, rowIn(f), m);
      const u = dot(input, first, up, rowIn(inner + f), m);
      const hidden = activations[activation](g) * u;
      let dhidden = 0;
      for (let j = 0; j < m; j++) {
        const k = (expert * m + j) * inner + f;
        dhidden += at(given, slot * m + j) * at(down, k);
        if (sumOut) sumOut[k] = at(sumOut, k) + at(given, slot * m + j) * hidden;
      }
      const [dg, du] = [dhidden * u * slopes[activation](g), dhidden * activations[activation](g)];
      for (let j = 0; j < m; j++) {
        const [a, b] = [rowIn(f) + j, rowIn(inner + f) + j];
        sum[first + j] = at(sum, first + j) + dg * at(up, a) + du * at(up, b);
        if (!sumIn) continue;
        sumIn[a] = at(sumIn, a) + dg * at(input, first + j);
        sumIn[b] = at(sumIn, b) + du * at(input, first + j);
      }
    }
  });
  numbersOf(dx as Tensor).set(sum);
};
