/**
 * Angles of the rotary embedding, as transformers computes them: everything in f32, so that long positions round as there.
 * -> cos[T, D/2], sin[T, D/2]
 */
import { cos, sin } from '../base/math.ts';
import type { Ops, Rotary } from '../ops/index.ts';
import type { Batch } from './batch.ts';
import type { RopeFrequencies } from './rope-frequencies.ts';

export function rotary(ops: Ops, batch: Batch, { at, attentionFactor }: RopeFrequencies): Rotary {
  const half = at(0).length;
  const { fround } = Math;
  const table = (f: (angle: number) => number) =>
    batch.feed(
      ops,
      ({ positions }) => {
        const values = new Float32Array(positions.length * half);
        positions.forEach((position, t) => {
          at(position).forEach((frequency, i) => {
            values[t * half + i] = fround(f(fround(position * frequency))) * attentionFactor;
          });
        });
        return values;
      },
      [batch.length, half],
    );
  return { cos: table(cos), sin: table(sin) };
}
