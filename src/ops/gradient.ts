/** What the backward rule of an op (`Op.gradient`) gets: one recorded use of the op, and the gradients of its outputs. */
import type { Tensor } from '../base/tensor.ts';
import type { Ops } from './index.ts';
import type { Apply } from './tracer.ts';

export interface Backward<Attrs> {
  /** For the computations of the rule, which are not recorded themselves. */
  readonly ops: Ops;
  readonly apply: Apply;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly attrs: Attrs;
  /** Derivatives of the loss by each output, of its shape; undefined where the loss does not depend on it. */
  readonly gradients: readonly (Tensor | undefined)[];
  /** Does the gradient of input `i` count? It does not for frozen weights, and for what depends on nothing that is trained. */
  wants(i: number): boolean;
  /** Adds to the gradient of input `i`. The tensor must not be written afterwards. */
  give(i: number, gradient: Tensor): void;
  /** The gradient of input `i` so far, to be added to in place: zeros at first. For ops that write sums, such as `addOuter`. */
  sumOf(i: number): Tensor;
}

/** The sums of gradients to which an op adds in place: those of the inputs `from`..`to` (exclusive) if they count, else zeros that are dropped. */
export const sumsOf = <Attrs>({ ops, inputs, wants, sumOf }: Backward<Attrs>, at: readonly number[]): Tensor[] =>
  at.map((i) => (wants(i) ? sumOf(i) : ops.zeros((inputs[i] as Tensor).shape)));
