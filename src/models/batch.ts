/**
 * What a model sees of the tokens of one pass: several sequences packed one after another, T rows in all. Rows of different sequences meet
 * nowhere but here, so the rest of a model needs no batch axis and no padding. src/runtime implements it.
 */

import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { KeysValues, Ops, Recurrent } from '../ops/index.ts';
import type { StateTensor } from './model.ts';
import type { KeyValueState } from './part.ts';
import type { See } from './tap.ts';

export interface PackedTokens {
  /** [T] */
  readonly ids: Int32Array;
  /** Position of each token in its sequence, [T]. */
  readonly positions: Int32Array;
}

export interface Batch {
  /** T */
  readonly length: number;
  /**
   * Numbers made of the tokens, in the memory of the step. The commands of a step may be run again for the next tokens, with what `make`
   * gives of these: so it must depend on its argument only.
   */
  feed(ops: Ops, make: (tokens: PackedTokens) => Uploadable, shape: Shape): Tensor;
  /** Adds the rows of x[T, ...] to what each sequence remembers in this tensor; -> the pool [R, ...] where all of it lies. */
  remember(ops: Ops, to: StateTensor, x: Tensor): Tensor;
  /**
   * As `remember`, for values that depend on nothing but the id of their token, in a pass in which nobody sees or replaces them: `compute`
   * makes them for ids[n], -> [n, ...]. What a sequence holds of an earlier token with the same id is copied.
   */
  rememberById(ops: Ops, to: StateTensor, compute: (ids: Tensor) => Tensor): Tensor;
  /** The pools that `remember` gave, with where each sequence finds its rows in them. */
  keysValues(ops: Ops, k: Tensor, v: Tensor): KeysValues;
  /** Remembers keys k[T, K, D] and values v[T, K, Dv]. */
  rememberKeysValues(ops: Ops, to: KeyValueState, k: Tensor, v: Tensor): KeysValues;
  /** Where this tensor of each sequence lies, to be updated in place. */
  recurrent(ops: Ops, of: StateTensor): Recurrent;
  /** Shows what `of` holds of each sequence, and keeps what is made of it. */
  showRecurrent(ops: Ops, of: Recurrent, see: readonly (See | undefined)[] | undefined): void;
}
