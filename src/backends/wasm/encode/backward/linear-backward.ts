/** See ops/backward/linear-backward.ts. */
import type { Encoder, Located } from '../../command.ts';
import { formatOf } from '../products.ts';
import { products } from './products.ts';

export const linearBackward: Encoder<undefined> = (to, inputs, [dx]) => {
  const count = inputs.length / 2;
  const terms = inputs
    .slice(0, count)
    .map((factors, i) => ({ factors, weights: inputs[count + i] as Located, scale: 0 }));
  const format = formatOf((inputs[count] as Located).dtype);
  products(to, dx as Located, terms, { format, more: false, transposed: false });
};
