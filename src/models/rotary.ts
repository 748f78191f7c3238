/**
 * Angles of the rotary embedding, as transformers computes them: everything in f32, so that long positions round as there.
 * -> cos[T, D/2], sin[T, D/2]
 */
import { cos, pow, sin } from '../math.ts';
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './batch.ts';

export interface Rotary {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export function rotary(ops: Ops, batch: Batch, theta: number, dHead: number): Rotary {
  const half = dHead / 2;
  const { fround } = Math;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / fround(pow(theta, fround((2 * i) / dHead))));
  const table = (f: (angle: number) => number) =>
    batch.feed(
      ops,
      ({ positions }) => {
        const values = new Float32Array(positions.length * half);
        positions.forEach((position, t) => {
          frequencies.forEach((frequency, i) => {
            values[t * half + i] = f(fround(position * frequency));
          });
        });
        return values;
      },
      [batch.length, half],
    );
  return { cos: table(cos), sin: table(sin) };
}
