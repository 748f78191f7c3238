/** See ops/causal-conv.ts. */
import { rows, type Tensor } from '../../base/tensor.ts';
import { activations, at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const causalConv: Kernel<{ starts: readonly number[] }> = (inputs, [y], { starts }) => {
  const [x, w, bias, windows, slots] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [e = 0, width = 0] = w.shape;
  const [input, weights, shift, out] = [x, w, bias, y as Tensor].map(numbersOf) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  numbersOf(slots).forEach((slot, b) => {
    const [first, end] = [at(starts, b), at(starts, b + 1)];
    const past = numbersOf(rows(windows, slot, slot + 1));
    const before = past.slice();
    /** Row `t` of the sequence; negative rows are in the window. */
    const row = (t: number, channel: number) =>
      t >= 0 ? at(input, (first + t) * e + channel) : at(before, (t + width - 1) * e + channel);
    for (let t = 0; t < end - first; t++) {
      for (let channel = 0; channel < e; channel++) {
        let sum = at(shift, channel);
        for (let j = 0; j < width; j++) sum += at(weights, channel * width + j) * row(t - width + 1 + j, channel);
        out[(first + t) * e + channel] = activations.silu(sum);
      }
    }
    for (let j = 0; j < width - 1; j++) {
      for (let channel = 0; channel < e; channel++) past[j * e + channel] = row(end - first - width + 1 + j, channel);
    }
  });
};
