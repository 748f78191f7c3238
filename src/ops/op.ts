/** What an op is: a name and a shape rule. Kernels of the same name live in the backends. */
import type { ElementType, Shape, Tensor } from '../tensor.ts';

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: ElementType;
}

/**
 * An op of the vocabulary. `outputs` is its shape rule: it checks the inputs (ShapeError) and says what comes out.
 * `mutates` lists the inputs written in place: state, and nothing else.
 */
export interface Op<Attrs> {
  readonly name: string;
  outputs(inputs: readonly Tensor[], attrs: Attrs): TensorSpec[];
  mutates?(inputs: readonly Tensor[], attrs: Attrs): readonly Tensor[];
  /** Of an op that computes nothing: its output, which shares the memory of its input. Such an op has no kernel. */
  view?(inputs: readonly Tensor[], attrs: Attrs): Tensor;
}
