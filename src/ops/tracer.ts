/**
 * The tracer through which all computation runs. The engine makes one and passes it to all code that computes. To observe or change every
 * op (checks, timing, differentiation), decorate it.
 */
import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { Ops } from './index.ts';
import type { Op } from './op.ts';

/** Runs an op: shape rule, memory, kernel. */
export type Apply = <Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs) => Tensor[];

/** A weight computed from others, such as Mamba's A = -exp(A_log). */
export interface Derived {
  compute(ops: Ops): Tensor;
  /** Its value for the weights as they were loaded, in live memory. */
  readonly kept: Tensor;
}

export interface Tracer {
  readonly apply: Apply;
  /** Copies numbers from JavaScript into the memory of the running step. */
  upload(data: Uploadable, shape: Shape): Tensor;
  /** The value of a derived weight: the stored one, or a new one when weights may have changed, as in training. */
  derived(weight: Derived): Tensor;
  /** Frees the memory of a value of the running step before the step ends. Views of it are then invalid too. */
  release(x: Tensor): void;
  /** Runs `body`, then frees all that it allocated in the step except its result. */
  scope(body: () => Tensor): Tensor;
}
