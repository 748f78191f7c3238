/**
 * Sum of squares in parts, for norms of gradients: y[i] is the sum of the squares of the i-th run of numbers of x, all runs equally long
 * but the last. x of any shape -> y[PARTS]. The parts do not depend on the number of threads, so neither do the bits of their sum.
 */
import { expect, input } from './check.ts';
import type { Op } from './op.ts';

/** Number of parts. */
export const SQUARE_PARTS = 64;

export const sumSquares: Op<undefined> = {
  name: 'sumSquares',
  outputs(inputs) {
    const x = input('sumSquares', inputs, 0);
    expect('sumSquares', x, x.shape, 'x');
    return [{ shape: [SQUARE_PARTS] }];
  },
};
