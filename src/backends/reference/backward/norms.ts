/** See ops/backward/norm-backward.ts. */
import type { Tensor } from '../../../base/tensor.ts';
import { at, dot, type Kernel } from '../kernel.ts';
import { numbersOf } from '../memory.ts';

const normBackward =
  (centred: boolean): Kernel<{ eps: number }> =>
  (inputs, [dx], { eps }) => {
    const [t = 0, m = 0] = (inputs[0] as Tensor).shape;
    const [x, gain, dy, dgain, dbias] = inputs.map(numbersOf) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array | undefined,
    ];
    const out = numbersOf(dx as Tensor);
    const [gains, biases] = [new Float64Array(m), new Float64Array(m)];
    for (let i = 0; i < t; i++) {
      const row = Float64Array.from(x.subarray(i * m, (i + 1) * m));
      const mean = centred ? row.reduce((sum, value) => sum + value, 0) / m : 0;
      const centredRow = row.map((value) => value - mean);
      const deviation = Math.sqrt(dot(centredRow, 0, centredRow, 0, m) / m + eps);
      const n = centredRow.map((value) => value / deviation);
      const g = n.map((_, j) => at(dy, i * m + j) * at(gain, j));
      const meanG = centred ? g.reduce((sum, value) => sum + value, 0) / m : 0;
      const meanGN = dot(g, 0, n, 0, m) / m;
      for (let j = 0; j < m; j++) {
        out[i * m + j] = (at(g, j) - meanG - at(n, j) * meanGN) / deviation;
        gains[j] = at(gains, j) + at(dy, i * m + j) * at(n, j);
        biases[j] = at(biases, j) + at(dy, i * m + j);
      }
    }
    for (let j = 0; j < m; j++) {
      dgain[j] = at(dgain, j) + at(gains, j);
      if (dbias) dbias[j] = at(dbias, j) + at(biases, j);
    }
  };

export const layerNormBackward = normBackward(true);
export const rmsNormBackward = normBackward(false);
