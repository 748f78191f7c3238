/**
 * Summaries of logits that suffice for log-probabilities, so that whole vocabularies need not be copied from the backend.
 *   logits[n, V], targets i32 [n, J] (may be absent: J = 0) -> y[n, 3 + J + 2 A], for A = `top`, each row
 *     max              the largest logit; NaN when a logit is NaN or Infinity, or none is finite
 *     high, low        sum of exp(x - max) over all logits, as the sum of two f32
 *     J logits         those of the targets
 *     A ids, A logits  the largest ones, largest first, the lower id first among equals; ids are exact in f32 up to 2^24
 * The log-probability of a logit x is x - (max + log(high + low)).
 */
import { ShapeError } from '../base/errors.ts';
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

/** Number of columns before those of the targets. */
export const SUMMARY_COLUMNS = 3;

export const summarizeLogits: Op<{ top: number }> = {
  name: 'summarizeLogits',
  outputs(inputs, { top }) {
    const logits = input('summarizeLogits', inputs, 0);
    expect('summarizeLogits', logits, [-1, -1], 'logits[n, V]');
    const [n = 0, v = 0] = logits.shape;
    if (inputs[1]) expect('summarizeLogits', inputs[1], [n, -1], 'targets[n, J]', ['i32']);
    if (!Number.isInteger(top) || top < 0 || top > v)
      throw new ShapeError('summarizeLogits', `top came as ${top}, wanted a whole number from 0 to ${v}`);
    return [{ shape: [n, SUMMARY_COLUMNS + (inputs[1]?.shape[1] ?? 0) + 2 * top], dtype: 'f32' }];
  },
};
