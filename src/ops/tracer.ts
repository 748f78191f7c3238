/**
 * The seam through which everything computes. An entry makes one tracer and hands it to whoever computes; what is to be seen or changed
 * everywhere (checks, timing, differentiation) decorates it.
 */
import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { Ops } from './index.ts';
import type { Op } from './op.ts';

/** Runs an op: shape rule, memory, kernel. */
export type Apply = <Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs) => Tensor[];

/** A tensor that is a function of weights, such as Mamba's A = -exp(A_log). */
export interface Derived {
  compute(ops: Ops): Tensor;
  /** Its value for the weights as they were read, in live memory. */
  readonly kept: Tensor;
}

export interface Tracer {
  readonly apply: Apply;
  /** Copies numbers from JavaScript into the memory of the running step. */
  upload(data: Uploadable, shape: Shape): Tensor;
  /** The value of a derived weight: the one that is kept, or computed anew where the weights may have changed since, as in training. */
  derived(weight: Derived): Tensor;
  /** Runs `body` and frees all that it allocated in the step, save its result. */
  scope(body: () => Tensor): Tensor;
}
