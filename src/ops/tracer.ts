/**
 * The seam through which everything computes. An entry makes one tracer and hands it to whoever computes; what is to be seen or changed
 * everywhere (checks, timing, differentiation) decorates it.
 */
import type { Shape, Tensor, Uploadable } from '../tensor.ts';
import type { Op } from './op.ts';

/** Runs an op: shape rule, memory, kernel. */
export type Apply = <Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs) => Tensor[];

export interface Tracer {
  readonly apply: Apply;
  /** Copies numbers from JavaScript into the memory of the running step. */
  upload(data: Uploadable, shape: Shape): Tensor;
  /** Runs `body` and frees all that it allocated in the step, save its result. */
  scope(body: () => Tensor): Tensor;
}
