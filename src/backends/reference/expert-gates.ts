/** See ops/expert-gates.ts. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Kernel } from './kernel.ts';
import { row } from './memory.ts';

export const expertGates: Kernel<undefined> = ([logits, ids], [gates]) => {
  const [t = 0] = (ids as Tensor).shape;
  for (let i = 0; i < t; i++) row(gates as Tensor, i).set(softmax(row(logits as Tensor, i), row(ids as Tensor, i)));
};

/** Softmax over the scores of these ids; NaN when an id is out of range. */
export function softmax(scores: ArrayLike<number>, ids: ArrayLike<number>): number[] {
  const chosen = Array.from(ids, (id) => scores[id] ?? Number.NaN);
  const largest = chosen.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const exps = chosen.map((x) => exp(x - largest));
  const sum = exps.reduce((p, q) => p + q, 0);
  return exps.map((value) => value / sum);
}
