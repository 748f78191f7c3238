/** See ops/backward/add-outer.ts. */
import type { Encoder, Located } from '../../command.ts';
import { formatOf } from '../products.ts';
import { products } from './products.ts';

export const addOuter: Encoder<undefined> = (to, [target, y, x]) => {
  const terms = [{ factors: y as Located, weights: x as Located, scale: 0 }];
  products(to, target as Located, terms, { format: formatOf('f32'), more: true, transposed: true });
};
