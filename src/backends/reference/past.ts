/** The two steps of attention: probabilities of keys, and values weighted by them. See ops/attention.ts. */
import { exp } from '../../base/math.ts';
import { poolRow } from '../../base/pages.ts';
import type { Tensor } from '../../base/tensor.ts';
import { at, dot, type Numbers } from './kernel.ts';
import { floatsOf } from './memory.ts';

/** Keys or values of one sequence: row s is row rows[s] of the numbers [R, heads, width]. */
export interface Past {
  readonly numbers: Numbers;
  readonly heads: number;
  readonly width: number;
  readonly rows: Numbers;
}

export function pastOf(pool: Tensor, table: Numbers, count: number): Past {
  const [, heads = 1, width = 0] = pool.shape;
  const pages = Array.from(table);
  return { numbers: floatsOf(pool), heads, width, rows: Array.from({ length: count }, (_, s) => poolRow(pages, s)) };
}

/**
 * Probabilities of query row `qRow` of `q` over the first `seen` keys. Rounded to f32 also when no tap reads them, so that a tap changes no
 * bit.
 */
export function probabilities(
  q: Numbers,
  qRow: number,
  k: Past,
  head: number,
  seen: number,
  scale: number,
): Float32Array | Float64Array {
  const { numbers, heads, width, rows } = k;
  const score = (s: number) => scale * dot(q, qRow * width, numbers, (at(rows, s) * heads + head) * width, width);
  const scores = Float64Array.from({ length: seen }, (_, s) => score(s));
  const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = scores.map((x) => exp(x - largest));
  const sum = exps.reduce((a, b) => a + b, 0);
  const shares = exps.map((x) => x / sum);
  return q instanceof Float64Array ? shares : Float32Array.from(shares);
}

/** Probabilities of a head, each multiplied by its gain in gains[C, H]. */
export function withGains(p: Float32Array | Float64Array, gains: Numbers, head: number, heads: number): Numbers {
  return p.map((x, s) => x * (gains[s * heads + head] ?? 1));
}

/** out[to..to + Dv] = sum over s of p[s] v[s] */
export function weigh(p: Numbers, v: Past, head: number, out: Float32Array, to: number): void {
  const { numbers, heads, width, rows } = v;
  for (let d = 0; d < width; d++) {
    let sum = 0;
    for (let s = 0; s < p.length; s++) sum += at(p, s) * at(numbers, (at(rows, s) * heads + head) * width + d);
    out[to + d] = sum;
  }
}
