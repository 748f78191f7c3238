/** What the parts of a model get for one forward pass. */

import type { Tensor } from '../base/tensor.ts';
import type { Ops, Rotary } from '../ops/index.ts';
import type { Batch } from './batch.ts';
import type { Taps } from './tap.ts';

/** What parts need that treat every row by itself, such as linear maps and norms. */
export interface RowPass {
  readonly ops: Ops;
  readonly show: Taps;
}

export interface Pass extends RowPass {
  readonly batch: Batch;
  /** Angles of rotary positions, in models that have them. */
  readonly angles?: Rotary | undefined;
}

/** A part of a model with its weights: x[T, ...] -> [T, ...] */
export type Layer = (pass: Pass, x: Tensor) => Tensor;

/** A part that treats every row by itself. */
export type RowLayer = (pass: RowPass, x: Tensor) => Tensor;

/** Runs blocks one after another, and frees the temporary memory of each. */
export const throughAll = (blocks: readonly Layer[], pass: Pass, x: Tensor): Tensor =>
  blocks.reduce((y, block) => pass.ops.scope(() => block(pass, y)), x);
