/** Summaries of logits: see ops/summarize-logits.ts. */
import { exp } from '../../base/math.ts';
import type { Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';

export const summarizeLogits: Kernel<{ top: number }> = ([logits, targets], [y], { top }) => {
  const [rows = 0, width = 0] = (logits as Tensor).shape;
  const [x, out] = [numbersOf(logits as Tensor), numbersOf(y as Tensor)];
  const wanted = targets ? numbersOf(targets) : [];
  const count = rows > 0 ? wanted.length / rows : 0;
  for (let row = 0; row < rows; row++) {
    const of = Array.from({ length: width }, (_, id) => at(x, row * width + id));
    const most = of.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY); // NaN if one is
    const sum = of.reduce((sum, value) => sum + exp(value - most), 0);
    const high = Math.fround(sum);
    const ids = of.map((_, id) => id).sort((a, b) => at(of, b) - at(of, a) || a - b);
    const best = ids.slice(0, top);
    const asked = Array.from({ length: count }, (_, j) => at(of, at(wanted, row * count + j)));
    const max = Number.isFinite(most) ? most : Number.NaN;
    const summary = [max, high, sum - high, ...asked, ...best, ...best.map((id) => at(of, id))];
    summary.forEach((value, i) => {
      out[row * summary.length + i] = value;
    });
  }
};
