/** See ops/attention.ts. */
import { rows, type Tensor } from '../../base/tensor.ts';
import { at, type Kernel } from './kernel.ts';
import { numbersOf } from './memory.ts';
import { pastOf, probabilities, weigh, withGains } from './past.ts';

export const attention: Kernel<{ scale: number; starts: readonly number[] }> = (inputs, [y], { scale, starts }) => {
  const [q, kPool, vPool, tables, lengths] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const [, h = 0] = q.shape;
  const pages = tables.shape[1] as number;
  const queries = numbersOf(q);
  const gains = inputs[5];
  const out = numbersOf(y as Tensor) as Float32Array;
  for (let b = 0; b + 1 < starts.length; b++) {
    const table = numbersOf(tables).subarray(b * pages, (b + 1) * pages);
    const reach = at(numbersOf(lengths), b);
    const [k, v] = [pastOf(kPool, table, reach), pastOf(vPool, table, reach)];
    const own = gains && numbersOf(rows(gains, b, b + 1));
    const end = at(starts, b + 1);
    for (let t = at(starts, b); t < end; t++) {
      for (let head = 0; head < h; head++) {
        const group = Math.floor((head * k.heads) / h);
        const p = probabilities(queries, t * h + head, k, group, reach - (end - 1 - t), scale);
        weigh(own ? withGains(p, own, head, h) : p, v, group, out, (t * h + head) * v.width);
      }
    }
  }
};
