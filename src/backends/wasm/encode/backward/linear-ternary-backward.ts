/** See ops/backward/linear-ternary-backward.ts. */
import type { Encoder, Located } from '../../command.ts';
import { products } from './products.ts';

/** Code of assembly/backward/pack-columns.ts. */
const TERNARY = 5;

export const linearTernaryBackward: Encoder<{ wScale: 'divide' | 'multiply' }> = (to, inputs, [dx], { wScale }) => {
  const count = inputs.length / 3;
  const terms = inputs.slice(0, count).map((factors, i) => ({
    factors,
    weights: inputs[count + i] as Located,
    scale: (inputs[2 * count + i] as Located).address + (wScale === 'divide' ? 1 : 0),
  }));
  products(to, dx as Located, terms, { format: TERNARY, more: false, transposed: false });
};
