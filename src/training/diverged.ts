/** The error of a training whose loss is not finite. */

/** The weights are as they were before this step. */
export class DivergedError extends Error {
  override readonly name = 'DivergedError';
}
