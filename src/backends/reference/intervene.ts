/** See ops/intervene.ts. */
import type { Tensor } from '../../base/tensor.ts';
import type { InterveneAttrs } from '../../ops/intervene.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const intervene: Kernel<InterveneAttrs> = (inputs, [y], { kind, width }) => {
  const [x, by, channels] = inputs.slice(0, 3).map((one) => numbersOf(one as Tensor)) as [
    Float32Array,
    ...Float32Array[],
  ];
  const vector = inputs[3] && numbersOf(inputs[3]);
  const out = numbersOf(y as Tensor) as Float32Array;
  out.set(x);
  const count = (channels as Float32Array).length;
  const isOn = (c: number) => at(channels as Float32Array, c) !== 0;
  const neutral = kind === 'scale' ? 1 : 0;
  const group = kind === 'project' ? width : 1;
  for (let row = 0; row * count < x.length; row++) {
    const strength = at(by as Float32Array, row);
    if (strength === neutral) continue;
    const v = (c: number) => (vector ? at(vector, vector.length === count ? c : row * count + c) : 0);
    for (let first = 0; first < count; first += group) {
      const on = Array.from({ length: group }, (_, i) => first + i).filter(isOn);
      const along = on.reduce((sum, c) => sum + at(x, row * count + c) * v(c), 0);
      for (const c of on) out[row * count + c] = changed(kind, at(x, row * count + c), v(c), strength, along);
    }
  }
};

/** Changes one number; `along`: the dot product of its group with the direction. */
function changed(kind: InterveneAttrs['kind'], x: number, v: number, by: number, along: number): number {
  switch (kind) {
    case 'add':
      return x + by * v;
    case 'scale':
      return by * x;
    case 'set':
      return by === 1 ? v : x + by * (v - x);
    case 'project':
      return x - by * along * v;
    default:
      return kind satisfies never;
  }
}
