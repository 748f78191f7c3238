/** See ops/{round-in-training,sum-squares,adamw}.ts. */
import { pow } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import { roundHalfEven } from '../../formats/numbers.ts';
import type { AdamWAttrs } from '../../ops/adamw.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

const MIN_SIZE = Math.fround(1e-5);
const clamp = (x: number, least: number, most: number): number => Math.max(least, Math.min(most, x));

export const trainTernary: Kernel<{ lambda: number }> = ([w], [y], { lambda }) => {
  const [given, out] = [numbersOf(w as Tensor), numbersOf(y as Tensor)];
  let sum = 0;
  for (let i = 0; i < given.length; i++) sum += Math.abs(at(given, i));
  const s = Math.fround(1 / Math.max(Math.fround(sum / given.length), MIN_SIZE));
  for (let i = 0; i < out.length; i++) {
    const x = at(given, i);
    out[i] = x + lambda * (clamp(roundHalfEven(Math.fround(x * s)), -1, 1) / s - x);
  }
};

export const trainInt8: Kernel<{ lambda: number }> = ([x], [y], { lambda }) => {
  const j = (x as Tensor).shape[1] as number;
  const [given, out] = [numbersOf(x as Tensor), numbersOf(y as Tensor)];
  for (let first = 0; first < out.length; first += j) {
    let most = MIN_SIZE;
    for (let i = first; i < first + j; i++) most = Math.max(most, Math.abs(at(given, i)));
    const s = Math.fround(127 / most);
    for (let i = first; i < first + j; i++) {
      const value = at(given, i);
      out[i] = value + lambda * (clamp(roundHalfEven(Math.fround(value * s)), -128, 127) / s - value);
    }
  }
};

export const sumSquares: Kernel<undefined> = ([x], [y]) => {
  const [given, out] = [numbersOf(x as Tensor), numbersOf(y as Tensor)];
  const run = Math.ceil(given.length / out.length);
  for (let part = 0; part < out.length; part++) {
    let sum = 0;
    for (let i = part * run; i < Math.min((part + 1) * run, given.length); i++) sum += at(given, i) ** 2;
    out[part] = sum;
  }
};

export const adamw: Kernel<AdamWAttrs> = (inputs, _, { lr, beta1, beta2, eps, decay, scale, step }) => {
  const [p, g, m, v] = inputs.map(numbersOf) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const [first, second] = [1 - pow(beta1, step), 1 - pow(beta2, step)];
  for (let i = 0; i < p.length; i++) {
    const s = scale * at(g, i);
    m[i] = beta1 * at(m, i) + (1 - beta1) * s;
    v[i] = beta2 * at(v, i) + (1 - beta2) * s * s;
    p[i] = at(p, i) * (1 - lr * decay) - (lr * (at(m, i) / first)) / (Math.sqrt(at(v, i) / second) + eps);
  }
};
