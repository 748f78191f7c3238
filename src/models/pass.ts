/** What the parts of a model get for one forward pass. */

import type { Tensor } from '../base/tensor.ts';
import type { Ops, Rotary } from '../ops/index.ts';
import type { Batch } from './batch.ts';
import type { Taps } from './tap.ts';

export interface Pass {
  readonly ops: Ops;
  readonly batch: Batch;
  readonly show: Taps;
  /** Angles of rotary positions, in models that have them. */
  readonly angles?: Rotary | undefined;
}

/** A part of a model with its weights: x[T, ...] -> [T, ...] */
export type Layer = (pass: Pass, x: Tensor) => Tensor;

/** Runs blocks one after another, and frees the temporary memory of each. */
export const throughAll = (blocks: readonly Layer[], pass: Pass, x: Tensor): Tensor =>
  blocks.reduce((y, block) => pass.ops.scope(() => block(pass, y)), x);
