/** Entropies in bits (Shannon 1948). */
import { exp, log } from '../base/math.ts';

/** Of counts or weights that need not sum to 1: H = -sum p log2 p. 0 when there are none. */
export function entropyBits(weights: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += weights[i] as number;
  if (sum === 0) return 0;
  let bits = 0;
  for (let i = 0; i < weights.length; i++) {
    const p = (weights[i] as number) / sum;
    if (p > 0) bits -= p * log(p) * Math.LOG2E;
  }
  return bits;
}

/** Softmax of some numbers from `from` on, in double precision. */
export function softmax(x: ArrayLike<number>, from = 0, count = x.length - from): Float64Array {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = from; i < from + count; i++) most = Math.max(most, x[i] as number);
  const p = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    p[i] = exp((x[from + i] as number) - most);
    sum += p[i] as number;
  }
  return p.map((one) => one / sum);
}

/** How far two distributions are apart, in bits from 0 to 1 (Jensen-Shannon divergence, Lin 1991). */
export function divergenceBits(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [p, q] = [shares(a), shares(b)];
  const middle = p.map((one, i) => (one + (q[i] as number)) / 2);
  return Math.max(0, entropyBits(middle) - (entropyBits(p) + entropyBits(q)) / 2);
}

/** The part of one distribution that it has in common with another, from 0 to 1: sum min(p, q). */
export function overlap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [p, q] = [shares(a), shares(b)];
  return p.reduce((sum, one, i) => sum + Math.min(one, q[i] as number), 0);
}

function shares(weights: ArrayLike<number>): number[] {
  const list = Array.from(weights);
  const sum = list.reduce((a, b) => a + b, 0);
  return list.map((one) => (sum === 0 ? 0 : one / sum));
}
