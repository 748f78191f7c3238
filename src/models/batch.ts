/**
 * The tokens of one pass, as a model gets them: several sequences packed one after another, T rows in all. Only these methods combine rows
 * of a sequence (or read earlier ones), so the rest of a model needs no batch axis and no padding. Implemented in src/runtime.
 */

import type { Shape, Tensor, Uploadable } from '../base/tensor.ts';
import type { KeysValues, Ops, Recurrent } from '../ops/index.ts';
import type { StateTensor } from './model.ts';
import type { KeyValueState } from './part.ts';
import type { See } from './tap.ts';

export interface PackedTokens {
  /** Token ids, [T]. */
  readonly ids: Int32Array;
  /** Position of each token in its sequence, [T]. */
  readonly positions: Int32Array;
}

export interface Batch {
  /** Number of tokens T. */
  readonly length: number;
  /**
   * Uploads numbers computed from the tokens. A recorded step calls `make` again with the next tokens, so it may depend on its argument
   * only.
   */
  feed(ops: Ops, make: (tokens: PackedTokens) => Uploadable, shape: Shape): Tensor;
  /** Appends the rows of x[T, ...] to this state tensor of each sequence; -> the pool [R, ...] that holds the rows of all sequences. */
  remember(ops: Ops, to: StateTensor, x: Tensor): Tensor;
  /**
   * As `remember`, for values that depend only on the id of their token, in a pass in which no tap or intervention reads or changes them:
   * `compute` makes them for ids[n], -> [n, ...]. For ids that a sequence has read before, the rows are copied.
   */
  rememberById(ops: Ops, to: StateTensor, compute: (ids: Tensor) => Tensor): Tensor;
  /** The pools returned by `remember`, with the page tables and lengths of the sequences. */
  keysValues(ops: Ops, k: Tensor, v: Tensor): KeysValues;
  /** Appends keys k[T, K, D] and values v[T, K, Dv] to the KV cache. */
  rememberKeysValues(ops: Ops, to: KeyValueState, k: Tensor, v: Tensor): KeysValues;
  /** This state tensor of all sequences, to be updated in place. */
  recurrent(ops: Ops, of: StateTensor): Recurrent;
  /** Shows the state of each sequence to its tap, and stores what the tap returns. */
  showRecurrent(ops: Ops, of: Recurrent, see: readonly (See | undefined)[] | undefined): void;
}
