/** What an op is: a name, a shape rule, and at times a composition. Kernels of the same name live in the backends. */
import type { ElementType, Shape, Tensor } from '../base/tensor.ts';
import { ACTIVATIONS } from './check.ts';
import type { Ops } from './index.ts';

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: ElementType;
}

/** What a rule says of an output. Without a type it is an activation, of the type that the op's inputs have. */
export type Output = Pick<TensorSpec, 'shape'> & Partial<TensorSpec>;

/**
 * An op of the vocabulary. `outputs` is its shape rule: it checks the inputs (ShapeError) and says what comes out.
 * `mutates` lists the inputs written in place: state, and nothing else.
 */
export interface Op<Attrs> {
  readonly name: string;
  outputs(inputs: readonly Tensor[], attrs: Attrs): Output[];
  mutates?(inputs: readonly Tensor[], attrs: Attrs): readonly Tensor[];
  /**
   * The op in smaller ones: what it means, for backends without a kernel of it and for whoever wants to see inside. Gives the outputs; mutates as
   * the op does.
   */
  compose?(ops: Ops, inputs: readonly Tensor[], attrs: Attrs): Tensor[];
  /** Bytes of its inputs that it reads and writes, where that is not all of them; for profiles. */
  bytesOfInputs?(inputs: readonly Tensor[], attrs: Attrs): number;
  /** Of an op that computes nothing: its output, which shares the memory of its input. Such an op has no kernel. */
  view?(inputs: readonly Tensor[], attrs: Attrs): Tensor;
}

/** Shapes and types of what an op gives for these inputs. Throws ShapeError. */
export function outputsOf<Attrs>(op: Op<Attrs>, inputs: readonly Tensor[], attrs: Attrs): TensorSpec[] {
  const activation = inputs.find(({ dtype }) => ACTIVATIONS.includes(dtype))?.dtype ?? 'f32';
  return op.outputs(inputs, attrs).map(({ shape, dtype = activation }) => ({ shape, dtype }));
}
