/** Attention, in one step and in two: see ops/attention.ts. */
import { exp } from '../../math.ts';
import { poolRow } from '../../pages.ts';
import type { Tensor } from '../../tensor.ts';
import { at, dot, type Kernel, type Numbers } from './kernel.ts';
import { floatsOf, numbersOf } from './memory.ts';

/** Keys or values of one sequence: row s is row rows[s] of the numbers [R, heads, width]. */
interface Past {
  readonly numbers: Numbers;
  readonly heads: number;
  readonly width: number;
  readonly rows: Numbers;
}

function pastOf(pool: Tensor, table: Numbers, count: number): Past {
  const [, heads = 1, width = 0] = pool.shape;
  const pages = Array.from(table);
  return { numbers: floatsOf(pool), heads, width, rows: Array.from({ length: count }, (_, s) => poolRow(pages, s)) };
}

/** Probabilities of query row `qRow` of `q` over the first `seen` keys: in f32 also where nobody sees them, so that seeing changes no bit. */
function probabilities(q: Numbers, qRow: number, k: Past, head: number, seen: number, scale: number): Float32Array {
  const { numbers, heads, width, rows } = k;
  const score = (s: number) => scale * dot(q, qRow * width, numbers, (at(rows, s) * heads + head) * width, width);
  const scores = Float64Array.from({ length: seen }, (_, s) => score(s));
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = scores.map((x) => exp(x - largest));
  const sum = exps.reduce((a, b) => a + b, 0);
  return Float32Array.from(exps, (x) => x / sum);
}

/** out[to..to + Dv] = sum over s of p[s] v[s] */
function weigh(p: Numbers, v: Past, head: number, out: Float32Array, to: number): void {
  const { numbers, heads, width, rows } = v;
  for (let d = 0; d < width; d++) {
    let sum = 0;
    for (let s = 0; s < p.length; s++) sum += at(p, s) * at(numbers, (at(rows, s) * heads + head) * width + d);
    out[to + d] = sum;
  }
}

export const attention: Kernel<{ scale: number; starts: readonly number[] }> = (inputs, [y], { scale, starts }) => {
  const [q, kPool, vPool, tables, lengths] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [, h = 0] = q.shape;
  const pages = tables.shape[1] as number;
  const queries = numbersOf(q);
  const out = numbersOf(y as Tensor) as Float32Array;
  for (let b = 0; b + 1 < starts.length; b++) {
    const table = numbersOf(tables).subarray(b * pages, (b + 1) * pages);
    const reach = at(numbersOf(lengths), b);
    const [k, v] = [pastOf(kPool, table, reach), pastOf(vPool, table, reach)];
    const end = at(starts, b + 1);
    for (let t = at(starts, b); t < end; t++) {
      for (let head = 0; head < h; head++) {
        const group = Math.floor((head * k.heads) / h);
        const p = probabilities(queries, t * h + head, k, group, reach - (end - 1 - t), scale);
        weigh(p, v, group, out, (t * h + head) * v.width);
      }
    }
  }
};

export const attentionPattern: Kernel<{ scale: number; keys: number }> = ([q, kPool, table], [y], { scale, keys }) => {
  const [t = 0, h = 0] = (q as Tensor).shape;
  const queries = numbersOf(q as Tensor);
  const k = pastOf(kPool as Tensor, numbersOf(table as Tensor), keys);
  const out = (numbersOf(y as Tensor) as Float32Array).fill(0);
  for (let head = 0; head < h; head++) {
    for (let i = 0; i < t; i++) {
      const group = Math.floor((head * k.heads) / h);
      out.set(probabilities(queries, i * h + head, k, group, keys - (t - 1 - i), scale), (head * t + i) * keys);
    }
  }
};

export const attendPattern: Kernel<undefined> = ([pattern, vPool, table], [y]) => {
  const [h = 0, t = 0, s = 0] = (pattern as Tensor).shape;
  const p = numbersOf(pattern as Tensor);
  const v = pastOf(vPool as Tensor, numbersOf(table as Tensor), s);
  const out = numbersOf(y as Tensor) as Float32Array;
  for (let row = 0; row < t * h; row++) {
    const [i, head] = [Math.floor(row / h), row % h];
    const from = (head * t + i) * s;
    weigh(p.subarray(from, from + s), v, Math.floor((head * v.heads) / h), out, row * v.width);
  }
};

export const sumHeads: Kernel<{ by: number }> = ([z], [y], { by }) => {
  const [t = 0, h = 0, m = 0] = (z as Tensor).shape;
  const [input, out] = [numbersOf(z as Tensor), numbersOf(y as Tensor)];
  for (let i = 0; i < t; i++) {
    for (let j = 0; j < m; j++) {
      let sum = 0;
      for (let head = 0; head < h; head++) sum += at(input, (i * h + head) * m + j);
      out[i * m + j] = by * sum;
    }
  }
};
