/** See ops/backward/attention-backward.ts. */
import { exp } from '../../../base/math.ts';
import { poolRow } from '../../../base/pages.ts';
import type { Tensor } from '../../../base/tensor.ts';
import { at, dot, type Kernel } from '../kernel.ts';
import { numbersOf } from '../memory.ts';

export const attentionBackward: Kernel<{ scale: number; starts: readonly number[] }> = (
  inputs,
  outputs,
  { scale, starts },
) => {
  const [q, k, v, tables, lengths, z, dz, gains] = inputs as [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor | undefined,
  ];
  const [Q, K, V, Z, DZ] = [q, k, v, z, dz].map(numbersOf) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [heads, d, keyHeads, dv, width] = [
    q.shape[1],
    q.shape[2],
    k.shape[1],
    v.shape[2],
    tables.shape[1],
  ] as number[] as [number, number, number, number, number];
  const [dq, dk, dvs] = outputs.map((x) => new Float64Array(numbersOf(x).length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const capacity = gains?.shape[1] ?? 0;
  const add = (sum: Float64Array, to: number, by: number, from: Float32Array, first: number, count: number) => {
    for (let i = 0; i < count; i++) sum[to + i] = at(sum, to + i) + by * at(from, first + i);
  };
  for (let b = 0; b + 1 < starts.length; b++) {
    const pages = Array.from(numbersOf(tables).subarray(b * width, (b + 1) * width));
    const reach = at(numbersOf(lengths), b);
    const end = at(starts, b + 1);
    for (let t = at(starts, b); t < end; t++) {
      for (let head = 0; head < heads; head++) {
        const group = Math.floor((head * keyHeads) / heads);
        const seen = reach - (end - 1 - t);
        const row = (s: number) => poolRow(pages, s) * keyHeads + group;
        const own = t * heads + head;
        const scores = Float64Array.from({ length: seen }, (_, s) => scale * dot(Q, own * d, K, row(s) * d, d));
        const largest = scores.reduce((x, y) => Math.max(x, y), Number.NEGATIVE_INFINITY);
        const exps = scores.map((x) => exp(x - largest));
        const total = exps.reduce((x, y) => x + y, 0);
        const mean = dot(DZ, own * dv, Z, own * dv, dv);
        for (let s = 0; s < seen; s++) {
          const p = at(exps, s) / total;
          const gain = gains && s < capacity ? at(numbersOf(gains), (b * capacity + s) * heads + head) : 1;
          add(dvs, row(s) * dv, p * gain, DZ, own * dv, dv);
          if (seen === 1) continue; // the softmax of one score is 1
          const dscore = scale * p * (gain * dot(DZ, own * dv, V, row(s) * dv, dv) - mean);
          add(dq, own * d, dscore, K, row(s) * d, d);
          add(dk, row(s) * d, dscore, Q, own * d, d);
        }
      }
    }
  }
  [dq, dk, dvs].forEach((sum, i) => {
    numbersOf(outputs[i] as Tensor).set(sum);
  });
};
