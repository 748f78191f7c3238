/**
 * Training with a norm before each ternary layer (`innerNorm`), as models that are 1.58-bit from the beginning have it: its gain is a tensor
 * `rms_norm.weight` beside the layer's weight, as transformers' bitnet integration names it (`use_rms_norm`). The norms of the blocks keep a gain
 * of 1 and are not trained: a norm of what such a norm gives changes nothing but by eps, so that in effect the inner norms stand in their place,
 * and transformers, whose blocks always have norms, computes the same.
 */
import { UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import type { TrainingConfig } from './config.ts';

const INNER = /\.rms_norm\.weight$/;
const OF_BLOCK = /\.\d+\.[^.]*norm\.weight$/;

/** Is this tensor the gain of a norm of a block, before its attention or its feed-forward layer? */
export const isBlockNorm = (name: string): boolean => OF_BLOCK.test(name) && !INNER.test(name);

/** Throws UsageError when a model cannot be trained with inner norms. */
export function checkInnerNorm({ plan }: OpenedModel, { innerNorm, lambda, train }: TrainingConfig): void {
  if (!innerNorm) return;
  if (train !== 'full' || !lambda)
    throw new UsageError(
      '"innerNorm" is for 1.58-bit training of whole models: give "train": "full" and a "lambda", such as { "name": "constant" }.',
    );
  if (![...plan.tensors.values()].some(({ name }) => INNER.test(name)))
    throw new UsageError(
      'this checkpoint has no norms before its linear maps, and with them it would be another model: "innerNorm" begins a new one, with "initialize".',
    );
}
