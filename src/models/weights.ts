/**
 * A model's access to its weights: tensors by name and expected shape, in a tree of folders. Calls only declare the weights; numbers and
 * formats come later, from the loader, which throws an error for tensors that no model declares.
 */

import type { Shape, Tensor } from '../base/tensor.ts';
import type { Derived, Ops } from '../ops/index.ts';
import type { ScaledTensor } from './model.ts';
import type { DeclaredSite } from './part.ts';
import type { RowPass } from './pass.ts';

/** A linear map: x[T, J] -> [T, N], with its matrix [N, J] for analyses. */
export interface Linear {
  (pass: RowPass, x: Tensor): Tensor;
  readonly weight: Tensor | ScaledTensor;
}
/** Linear maps of the same input. */
export interface Linears {
  (pass: RowPass, x: Tensor): Tensor[];
  readonly weights: readonly (Tensor | ScaledTensor)[];
}

export interface MatrixOptions {
  /** Stored as [in, out], as by GPT-2's Conv1D; in memory [out, in]. */
  readonly transposed?: boolean;
  /** Is there a `.bias`? */
  readonly bias?: boolean;
  /** The site of the input. If the weight format quantises the input, the sites `<site>Int8` and `<site>Scale` are added. */
  readonly reads?: DeclaredSite | undefined;
}

export interface Weights {
  at(folder: string): Weights;
  has(name: string): boolean;
  list<T>(folder: string, count: number, make: (w: Weights, i: number) => T): T[];
  /** Weights that are always f32: norms, biases, convolutions, recurrences. `stored`: their shape in the checkpoint, when it differs. */
  tensor(name: string, shape: Shape, stored?: Shape): Tensor;
  /** An embedding [V, M], which may also be the head. */
  table(name: string, rows: number, width: number): Tensor;
  /** `name.weight` [N, J] and, with the option `bias`, `name.bias` [N]. */
  linear(name: string, dIn: number, dOut: number, options?: MatrixOptions): Linear;
  /** Several matrices with the same input. */
  linears(names: readonly string[], dIn: number, dOuts: readonly number[], options?: MatrixOptions): Linears;
  /** One stored matrix of sum(dOuts) rows, divided into several. */
  split(name: string, dIn: number, dOuts: readonly number[], options?: MatrixOptions): Linears;
  /** The matrices of all experts, [X, N, J]. */
  experts(name: string, shape: readonly [number, number, number]): Tensor;
  /** An f32 tensor computed from weights; the forward pass gets it with `ops.derived`. */
  derived(shape: Shape, compute: (ops: Ops) => Tensor): Derived;
}
