/** See ops/balance-load.ts and ops/backward/balance-load-backward.ts. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { BalanceAttrs } from '../../ops/backward/balance-load-backward.ts';
import { logSumExp } from './cross-entropy.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf, row } from './memory.ts';

export const balanceLoad: Kernel<BalanceAttrs> = ([logits, load], [y], { layer, count }) => {
  const [t = 0, x = 0] = (logits as Tensor).shape;
  const sums = new Float64Array(2 * x + 1);
  for (let token = 0; token < t; token++) {
    const scores = row(logits as Tensor, token);
    const total = logSumExp(scores);
    const order = Array.from({ length: x }, (_, e) => e).sort((a, b) => at(scores, b) - at(scores, a) || a - b);
    for (const e of order.slice(0, count)) sums[e] = at(sums, e) + 1;
    for (let e = 0; e < x; e++) sums[x + e] = at(sums, x + e) + exp(at(scores, e) - total);
    sums[2 * x] = at(sums, 2 * x) + total * total;
  }
  row(load as Tensor, layer).set(sums);
  numbersOf(y as Tensor).set(numbersOf(logits as Tensor));
};

export const balanceLoadBackward: Kernel<BalanceAttrs> = ([logits, load], [dlogits], { layer, pooled, balance, z }) => {
  const [t = 0, x = 0] = (logits as Tensor).shape;
  const layers = (load as Tensor).shape[0] as number;
  const used = pooled ? Array.from({ length: layers }, (_, l) => l) : [layer];
  const counts = Array.from({ length: x }, (_, e) => used.reduce((sum, l) => sum + at(row(load as Tensor, l), e), 0));
  for (let token = 0; token < t; token++) {
    const scores = row(logits as Tensor, token);
    const total = logSumExp(scores);
    const p = Array.from(scores, (score) => exp(score - total));
    const mean = p.reduce((sum, value, e) => sum + value * at(counts, e), 0);
    const out = row(dlogits as Tensor, token);
    for (let e = 0; e < x; e++) out[e] = at(p, e) * (balance * (at(counts, e) - mean) + 2 * z * total);
  }
};
