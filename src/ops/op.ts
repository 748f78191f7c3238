/** An op: a name, a shape rule, and optionally a composition of smaller ops. Kernels of the same name are in the backends. */
import type { ElementType, Shape, Tensor } from '../base/tensor.ts';
import { ACTIVATIONS } from './check.ts';
import type { Backward } from './gradient.ts';
import type { Ops } from './index.ts';

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: ElementType;
}

/** An output according to the rule. Without a type it is an activation, of the same type as the op's inputs. */
export type Output = Pick<TensorSpec, 'shape'> & Partial<TensorSpec>;

/**
 * An op. `outputs` is its shape rule: it checks the inputs (ShapeError) and returns the outputs' shapes and types. `mutates` lists the
 * inputs written in place: only state.
 */
export interface Op<Attrs> {
  readonly name: string;
  outputs(inputs: readonly Tensor[], attrs: Attrs): Output[];
  mutates?(inputs: readonly Tensor[], attrs: Attrs): readonly Tensor[];
  /**
   * The op as smaller ops. This is its definition, for backends without a kernel and for taps on its inner values. Returns the outputs;
   * mutates the same inputs.
   */
  compose?(ops: Ops, inputs: readonly Tensor[], attrs: Attrs): Tensor[];
  /**
   * Backward rule: from the gradients of the outputs to those of the inputs (gradient.ts). An op without one, but with a composition, is
   * differentiated as its composition; any other cannot be trained through.
   */
  gradient?(use: Backward<Attrs>): void;
  /** Bytes of its inputs that it reads and writes, if not all; for profiles. */
  bytesOfInputs?(inputs: readonly Tensor[], attrs: Attrs): number;
  /** Bytes that kernels need beside the outputs while they run, where these are many; for estimates. */
  workBytes?(inputs: readonly Tensor[], attrs: Attrs): number;
  /** For a view: its output, which shares the memory of its input. Such an op has no kernel. */
  view?(inputs: readonly Tensor[], attrs: Attrs): Tensor;
}

/** Shapes and types of the outputs for these inputs. Throws ShapeError. */
export function outputsOf<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs): TensorSpec[] {
  const activation = inputs.find(({ dtype }) => ACTIVATIONS.includes(dtype))?.dtype ?? 'f32';
  return op.outputs(inputs, attrs).map(({ shape, dtype = activation }) => ({ shape, dtype }));
}
