/** Counts the multiply-adds of products with weights, forward and backward, of the ops that pass through a tracer. */
import { type Shape, size, type Tensor } from '../../src/base/tensor.ts';
import type { Tracer } from '../../src/ops/index.ts';

export interface Products {
  count: number;
}

const sizeOf = ({ shape }: Tensor): number => size(shape);

/** Of one token with one expert. */
const perSlot = (wIn: Tensor, wOut: Tensor): number => size(wIn.shape.slice(1)) + size(wOut.shape.slice(1));

const rowsOf = ({ shape }: Tensor): number => (shape as Shape)[0] as number;

/**
 * By the names of ops. What an op computes again is not counted, nor are products of activations with each other (attention, scans), convolutions
 * and norms.
 */
const COUNTS: Readonly<Record<string, (inputs: readonly Tensor[], attrs: unknown) => number>> = {
  linear([x, ...rest], attrs) {
    const weights = rest.slice(0, (attrs as { readonly count: number }).count);
    return weights.reduce((sum, w) => sum + rowsOf(x as Tensor) * sizeOf(w), 0);
  },
  linearBackward(inputs) {
    const weights = inputs.slice(inputs.length / 2);
    return weights.reduce((sum, w) => sum + rowsOf(inputs[0] as Tensor) * sizeOf(w), 0);
  },
  addOuter: ([target, y]) => sizeOf(target as Tensor) * rowsOf(y as Tensor),
  experts: ([, ids, , wIn, wOut]) => sizeOf(ids as Tensor) * perSlot(wIn as Tensor, wOut as Tensor),
  expertOutputs: ([, ids, wIn, wOut]) => sizeOf(ids as Tensor) * perSlot(wIn as Tensor, wOut as Tensor),
  expertOutputsBackward([, ids, wIn, wOut, , ...sums]) {
    const times = sums.length > 0 ? 2 : 1; // of the inputs, and of the weights
    return times * sizeOf(ids as Tensor) * perSlot(wIn as Tensor, wOut as Tensor);
  },
};

export function counted(inner: Tracer, products: Products): Tracer {
  return {
    ...inner,
    apply(op, inputs, attrs) {
      products.count += COUNTS[op.name]?.(inputs, attrs) ?? 0;
      return inner.apply(op, inputs, attrs);
    },
  };
}
