/** Multiplications and additions in the matrix products of a model, counted from the shapes of its weights. */

import { type ElementType, size } from '../src/base/tensor.ts';
import type { OpenedModel } from '../src/node.ts';

export interface MultiplyAdds {
  /** Of every token of a prompt, words that stand there for the first time: what is known of others may not be computed again. */
  readonly perToken: number;
  /** Of the head, which only the last token of a prompt meets. */
  readonly head: number;
  /** Of the matrices with most of them. */
  readonly dtype: ElementType;
}

/**
 * Every matrix once; of experts those that a token uses, and the router before them. Not counted: products of activations with each other
 * (attention, selective scans), convolutions, norms.
 */
export function multiplyAddsOf({ plan, model }: OpenedModel): MultiplyAdds {
  const { vocabSize, dModel, nExperts, nActiveExperts } = model.facts as typeof model.facts & {
    nExperts?: number;
    nActiveExperts?: number;
  };
  const byFormat = new Map<ElementType, number>();
  let perToken = 0;
  let head = 0;
  for (const { kind, target } of [...plan.slices.values()].flat()) {
    const { shape, dtype } = target;
    if (kind === 'table') {
      if (shape[0] === vocabSize) head = size(shape);
      continue;
    }
    // A router is kept as a vector is, in f32.
    const isRouter = kind === 'vector' && shape.length === 2 && shape[0] === nExperts && shape[1] === dModel;
    if (kind === 'vector' && !isRouter) continue;
    const products = kind === 'experts' ? (size(shape) * (nActiveExperts ?? 1)) / (nExperts ?? 1) : size(shape);
    perToken += products;
    byFormat.set(dtype, (byFormat.get(dtype) ?? 0) + products);
  }
  for (const { codes } of plan.packings.values()) {
    perToken += size(codes.shape);
    byFormat.set(codes.dtype, (byFormat.get(codes.dtype) ?? 0) + size(codes.shape));
  }
  const [most] = [...byFormat].sort(([, a], [, b]) => b - a);
  return { perToken, head, dtype: most?.[0] ?? 'f32' };
}
