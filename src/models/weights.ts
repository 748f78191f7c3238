/**
 * What a model sees of a checkpoint: tensors by name and expected shape, as a tree of folders. Asking declares; the numbers come
 * later, and in which format they are kept is decided elsewhere. A tensor that no model asks for is an error of the loader.
 */

import type { Shape, Tensor } from '../base/tensor.ts';
import type { Derived, Ops } from '../ops/index.ts';
import type { ScaledTensor } from './model.ts';
import type { DeclaredSite } from './part.ts';
import type { RowPass } from './pass.ts';

/** A linear map: x[T, J] -> [T, N], and its matrix [N, J] for who wants to read it. */
export interface Linear {
  (pass: RowPass, x: Tensor): Tensor;
  readonly weight: Tensor | ScaledTensor;
}
/** Linear maps of one input. */
export interface Linears {
  (pass: RowPass, x: Tensor): Tensor[];
  readonly weights: readonly (Tensor | ScaledTensor)[];
}

export interface MatrixOptions {
  /** Stored as [in, out], as GPT-2's Conv1D does; kept as [out, in]. */
  readonly transposed?: boolean;
  /** There is a `.bias` beside `.weight`. */
  readonly bias?: boolean;
  /** The site of the input. A map whose format quantises its input declares and shows `<site>Int8` and `<site>Scale`. */
  readonly reads?: DeclaredSite | undefined;
}

export interface Weights {
  at(folder: string): Weights;
  has(name: string): boolean;
  list<T>(folder: string, count: number, make: (w: Weights, i: number) => T): T[];
  /** Kept in f32: norms, biases, convolutions, recurrences. `stored`, when the checkpoint writes the same numbers under another shape. */
  tensor(name: string, shape: Shape, stored?: Shape): Tensor;
  /** An embedding [V, M], which may serve as head too. */
  table(name: string, rows: number, width: number): Tensor;
  /** `name.weight` [N, J] and, if told so, `name.bias` [N]. */
  linear(name: string, dIn: number, dOut: number, options?: MatrixOptions): Linear;
  /** Several matrices that read the same input. */
  linears(names: readonly string[], dIn: number, dOuts: readonly number[], options?: MatrixOptions): Linears;
  /** One stored matrix of sum(dOuts) rows, as several. */
  split(name: string, dIn: number, dOuts: readonly number[], options?: MatrixOptions): Linears;
  /** The matrices of all experts, [X, N, J]. */
  experts(name: string, shape: readonly [number, number, number]): Tensor;
  /** An f32 tensor that is a function of weights; the forward pass asks for it with `ops.derived`. */
  derived(shape: Shape, compute: (ops: Ops) => Tensor): Derived;
}
