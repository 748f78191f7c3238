/**
 * One kernel per op that computes, but for those that are defined by other ops (`compose`). What each computes stands in the op's own file under
 * src/ops.
 */
import { exp, log1p, tanh } from '../../math.ts';
import { roundHalfEven } from '../../numbers.ts';
import type { Activation } from '../../ops/index.ts';
import { type ElementType, isPacked, type Tensor } from '../../tensor.ts';
import { attendPattern, attention, attentionPattern, sumHeads } from './attention.ts';
import { causalConv } from './causal-conv.ts';
import { activations, at, dot, type Kernel, type Numbers } from './kernel.ts';
import { floatsOf, numbersOf } from './memory.ts';
import { concat, gather, writeRows } from './rows.ts';
import { selectiveScan } from './selective-scan.ts';
import { summarizeLogits } from './summarize-logits.ts';

const gelu = (x: number) => 0.5 * x * (1 + tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

/** A kernel that treats each number by itself. */
function each<Attrs>(f: (values: number[], attrs: Attrs) => number): Kernel<Attrs> {
  return (inputs, [y], attrs) => {
    const given = inputs.map(numbersOf);
    const out = numbersOf(y as Tensor);
    for (let i = 0; i < out.length; i++) {
      out[i] = f(
        given.map((x) => at(x, i)),
        attrs,
      );
    }
  };
}

const embed: Kernel<{ scale: number }> = ([table, ids], [y], { scale }) => {
  const width = (table as Tensor).shape[1] as number;
  const numbers = floatsOf(table as Tensor);
  const out = numbersOf(y as Tensor);
  numbersOf(ids as Tensor).forEach((id, t) => {
    for (let m = 0; m < width; m++) out[t * width + m] = scale * at(numbers, id * width + m);
  });
};

/** Rows [T, J] as a product with weights of this type reads them. */
function readBy(type: ElementType, x: Numbers, columns: number): Numbers {
  return (isPacked(type) && type.readInput?.(x, columns)) || x;
}

const linear: Kernel<{ count: number }> = ([x, ...given], outputs, { count }) => {
  const j = (x as Tensor).shape[1] as number;
  outputs.forEach((y, m) => {
    const [w, bias] = [given[m] as Tensor, given[m + count]];
    const [n = 0] = w.shape;
    const [input, weights] = [readBy(w.dtype, numbersOf(x as Tensor), j), floatsOf(w)];
    const shift = bias && numbersOf(bias);
    const out = numbersOf(y);
    for (let i = 0; i < out.length; i++) {
      const row = i % n;
      out[i] = dot(input, Math.floor(i / n) * j, weights, row * j, j) + (shift ? at(shift, row) : 0);
    }
  });
};

const quantizeRows: Kernel<undefined> = ([x], [q, s]) => {
  const width = (x as Tensor).shape[1] as number;
  const [input, codes, scales] = [numbersOf(x as Tensor), numbersOf(q as Tensor), numbersOf(s as Tensor)];
  for (let t = 0; t < scales.length; t++) {
    let largest = Math.fround(1e-5);
    for (let j = 0; j < width; j++) largest = Math.max(largest, Math.abs(at(input, t * width + j)));
    const scale = Math.fround(127 / largest); // f32 from here on: rounding decides the integers
    scales[t] = scale;
    for (let j = 0; j < width; j++) {
      const code = roundHalfEven(Math.fround(at(input, t * width + j) * scale));
      codes[t * width + j] = Math.min(127, Math.max(-128, code));
    }
  }
};

const linearTernary: Kernel<{ wScale: 'divide' | 'multiply'; count: number }> = (
  [q, s, ...given],
  outputs,
  { wScale, count },
) => {
  const [codes, scales] = [numbersOf(q as Tensor), numbersOf(s as Tensor)];
  const { fround } = Math;
  outputs.forEach((y, m) => {
    const [w, scaleOfW, bias] = [given[m] as Tensor, given[count + m] as Tensor, given[2 * count + m]];
    const [n = 0, j = 0] = w.shape;
    const weights = floatsOf(w);
    const factor = at(numbersOf(scaleOfW), 0);
    const shift = bias && numbersOf(bias);
    const out = numbersOf(y);
    for (let i = 0; i < out.length; i++) {
      const [t, row] = [Math.floor(i / n), i % n];
      const sum = dot(codes, t * j, weights, row * j, j);
      const s1 = at(scales, t);
      const scaled = wScale === 'divide' ? fround(sum / fround(s1 * factor)) : fround(fround(sum / s1) * factor);
      out[i] = scaled + (shift ? at(shift, row) : 0);
    }
  });
};

const layerNorm: Kernel<{ eps: number }> = ([x, gain, bias], [y], { eps }) => {
  const [t = 0, m = 0] = (x as Tensor).shape;
  const [input, g, b, out] = [x, gain, bias, y].map((tensor) => numbersOf(tensor as Tensor)) as [
    Numbers,
    Numbers,
    Numbers,
    Float32Array,
  ];
  for (let i = 0; i < t; i++) {
    let mean = 0;
    for (let j = 0; j < m; j++) mean += at(input, i * m + j) / m;
    let variance = 0;
    for (let j = 0; j < m; j++) variance += (at(input, i * m + j) - mean) ** 2 / m;
    const factor = 1 / Math.sqrt(variance + eps);
    for (let j = 0; j < m; j++) out[i * m + j] = (at(input, i * m + j) - mean) * factor * at(g, j) + at(b, j);
  }
};

const rmsNorm: Kernel<{ eps: number }> = ([x, gain], [y], { eps }) => {
  const [t = 0, m = 0] = (x as Tensor).shape;
  const [input, g, out] = [numbersOf(x as Tensor), numbersOf(gain as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < t; i++) {
    const factor = 1 / Math.sqrt(dot(input, i * m, input, i * m, m) / m + eps);
    for (let j = 0; j < m; j++) out[i * m + j] = at(input, i * m + j) * factor * at(g, j);
  }
};

const rope: Kernel<undefined> = ([x, cosines, sines], [y]) => {
  const [t = 0, h = 0, d = 0] = (x as Tensor).shape;
  const half = d / 2;
  const [input, cos, sin] = [numbersOf(x as Tensor), numbersOf(cosines as Tensor), numbersOf(sines as Tensor)];
  const out = numbersOf(y as Tensor);
  for (let row = 0; row < t * h; row++) {
    const angles = Math.floor(row / h) * half;
    for (let i = 0; i < half; i++) {
      const [c, s] = [at(cos, angles + i), at(sin, angles + i)];
      const [a, b] = [at(input, row * d + i), at(input, row * d + i + half)];
      out[row * d + i] = a * c - b * s;
      out[row * d + i + half] = b * c + a * s;
    }
  }
};

const topExperts: Kernel<{ count: number }> = ([logits], [ids, gates], { count }) => {
  const [t = 0, x = 0] = (logits as Tensor).shape;
  const scores = numbersOf(logits as Tensor);
  for (let i = 0; i < t; i++) {
    const order = Array.from({ length: x }, (_, expert) => expert)
      .sort((a, b) => at(scores, i * x + b) - at(scores, i * x + a) || a - b)
      .slice(0, count);
    const exps = order.map((expert) => exp(at(scores, i * x + expert) - at(scores, i * x + at(order, 0))));
    const sum = exps.reduce((p, q) => p + q, 0);
    numbersOf(ids as Tensor).set(order, i * count);
    numbersOf(gates as Tensor).set(
      exps.map((value) => value / sum),
      i * count,
    );
  }
};

const expertOutputs: Kernel<{ activation: Activation }> = ([x, ids, wIn, wOut], [z], { activation }) => {
  const m = (x as Tensor).shape[1] as number;
  const active = (ids as Tensor).shape[1] as number;
  const inner = (wOut as Tensor).shape[2] as number;
  const [up, down] = [floatsOf(wIn as Tensor), floatsOf(wOut as Tensor)];
  const { dtype } = wIn as Tensor;
  const input = readBy(dtype, numbersOf(x as Tensor), m);
  const out = numbersOf(z as Tensor);
  numbersOf(ids as Tensor).forEach((expert, slot) => {
    const first = Math.floor(slot / active) * m;
    const row = (r: number) => dot(input, first, up, (expert * 2 * inner + r) * m, m);
    const gated = (f: number) => activations[activation](row(f)) * row(inner + f);
    const hidden = readBy(
      dtype,
      Float32Array.from({ length: inner }, (_, f) => gated(f)),
      inner,
    );
    for (let j = 0; j < m; j++) out[slot * m + j] = dot(hidden, 0, down, (expert * m + j) * inner, inner);
  });
};

const sumSlots: Kernel<undefined> = ([z, gates], [y]) => {
  const [, active = 0, m = 0] = (z as Tensor).shape;
  const [input, factors, out] = [numbersOf(z as Tensor), numbersOf(gates as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < out.length; i++) {
    const [t, j] = [Math.floor(i / m), i % m];
    let sum = 0;
    for (let slot = t * active; slot < (t + 1) * active; slot++) sum += at(factors, slot) * at(input, slot * m + j);
    out[i] = sum;
  }
};

export const kernels: Readonly<Record<string, Kernel<unknown>>> = {
  embed,
  linear,
  quantizeRows,
  linearTernary,
  layerNorm,
  rmsNorm,
  add: each<{ by: number }>(([x, y], { by }) => (x as number) + by * (y as number)),
  scale: each<{ by: number }>(([x], { by }) => by * (x as number)),
  gelu: each(([x]) => gelu(x as number)),
  softplus: each(([x]) => ((x as number) > 20 ? (x as number) : log1p(exp(x as number)))),
  negExp: each(([x]) => -exp(x as number)),
  gate: each<{ activation: Activation }>(
    ([g, u], { activation }) => activations[activation](g as number) * (u as number),
  ),
  rope,
  attention,
  attentionPattern,
  attendPattern,
  sumHeads,
  causalConv,
  selectiveScan,
  summarizeLogits,
  topExperts,
  expertOutputs,
  sumSlots,
  zeros: each(() => 0),
  assign: ([target, source]) => numbersOf(target as Tensor).set(numbersOf(source as Tensor)),
  markNonFinite: ([mark, x]) => {
    if (numbersOf(x as Tensor).some((value) => !Number.isFinite(value))) numbersOf(mark as Tensor)[0] = 1;
  },
  concat,
  gather,
  writeRows,
} as Record<string, Kernel<never>> as Record<string, Kernel<unknown>>;
