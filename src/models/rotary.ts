/**
 * Angles of the rotary embedding, as transformers computes them: everything in f32, so that long positions round as there.
 * -> cos[T, D/2], sin[T, D/2]
 */
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';

export interface Rotary {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

export function rotary(ops: Ops, positions: Int32Array, theta: number, dHead: number): Rotary {
  const half = dHead / 2;
  const { fround } = Math;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / fround(theta ** fround((2 * i) / dHead)));
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(cos.length);
  positions.forEach((position, t) => {
    frequencies.forEach((frequency, i) => {
      const angle = fround(position * frequency);
      cos[t * half + i] = Math.cos(angle);
      sin[t * half + i] = Math.sin(angle);
    });
  });
  const shape = [positions.length, half];
  return { cos: ops.upload(cos, shape), sin: ops.upload(sin, shape) };
}
