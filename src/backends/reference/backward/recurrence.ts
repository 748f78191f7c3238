/** See ops/backward/causal-conv-backward.ts and ops/backward/selective-scan-backward.ts. */
import { exp } from '../../../base/math.ts';
import type { Tensor } from '../../../base/tensor.ts';
import { at, type Kernel } from '../kernel.ts';
import { numbersOf } from '../memory.ts';
import { slopes } from './elementwise.ts';

type Starts = { readonly starts: readonly number[] };

export const causalConvBackward: Kernel<Starts> = (inputs, [dx], { starts }) => {
  const [x, w, bias, dy, dw, dbias] = inputs.map(numbersOf) as Float32Array[] as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [e = 0, width = 0] = (inputs[1] as Tensor).shape;
  const [dxs, dws, db] = [x, w, bias].map(({ length }) => new Float64Array(length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let b = 0; b + 1 < starts.length; b++) {
    const first = at(starts, b);
    for (let t = first; t < at(starts, b + 1); t++) {
      for (let channel = 0; channel < e; channel++) {
        const taps = Array.from({ length: width }, (_, j) => ({ row: t - width + 1 + j, k: channel * width + j }));
        const inside = taps.filter(({ row }) => row >= first);
        const sum = inside.reduce((s, { row, k }) => s + at(w, k) * at(x, row * e + channel), at(bias, channel));
        const g = at(dy, t * e + channel) * slopes.silu(sum);
        db[channel] = at(db, channel) + g;
        for (const { row, k } of inside) {
          dxs[row * e + channel] = at(dxs, row * e + channel) + g * at(w, k);
          dws[k] = at(dws, k) + g * at(x, row * e + channel);
        }
      }
    }
  }
  numbersOf(dx as Tensor).set(dxs);
  for (let k = 0; k < dw.length; k++) dw[k] = at(dw, k) + at(dws, k);
  for (let k = 0; k < dbias.length; k++) dbias[k] = at(dbias, k) + at(db, k);
};

export const selectiveScanBackward: Kernel<Starts> = (inputs, outputs, { starts }) => {
  const [x, dt, a, b, c, d, dy, da, dd] = inputs.map(numbersOf) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const [e = 0, n = 0] = (inputs[2] as Tensor).shape;
  const [dxs, ddts, dbs, dcs] = outputs.map((y) => new Float64Array(numbersOf(y).length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const add = (sum: Float64Array | Float32Array, i: number, by: number) => {
    sum[i] = at(sum, i) + by;
  };
  for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
    const [first, end] = [at(starts, sequence), at(starts, sequence + 1)];
    const count = end - first;
    for (let k = 0; k < e * n; k++) {
      const [channel, j] = [Math.floor(k / n), k % n];
      const h = new Float64Array(count + 1); // h[i]: after i tokens
      for (let i = 0; i < count; i++) {
        const [at1, token] = [(first + i) * e + channel, first + i];
        h[i + 1] = exp(at(dt, at1) * at(a, k)) * at(h, i) + at(dt, at1) * at(b, token * n + j) * at(x, at1);
      }
      let g = 0;
      for (let i = count - 1; i >= 0; i--) {
        const [at1, token] = [(first + i) * e + channel, first + i];
        const [step, input] = [at(dt, at1), at(x, at1)];
        g += at(c, token * n + j) * at(dy, at1);
        const kept = exp(step * at(a, k));
        add(dcs, token * n + j, at(dy, at1) * at(h, i + 1));
        add(dbs, token * n + j, step * input * g);
        add(dxs, at1, step * g * at(b, token * n + j));
        add(ddts, at1, g * (at(a, k) * kept * at(h, i) + input * at(b, token * n + j)));
        add(da, k, step * kept * at(h, i) * g);
        g *= kept;
      }
    }
    for (let i = first * e; i < end * e; i++) {
      add(dxs, i, at(d, i % e) * at(dy, i));
      add(dd, i % e, at(dy, i) * at(x, i));
    }
  }
  [dxs, ddts, dbs, dcs].forEach((sum, i) => {
    numbersOf(outputs[i] as Tensor).set(sum);
  });
};
