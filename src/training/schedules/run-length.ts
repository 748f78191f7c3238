/** How long a run is, in the units that schedules count in. */
export interface RunLength {
  /** Optimiser steps of the whole run. */
  readonly steps: number;
  /** Sequences that one optimiser step reads: batch x accumulate. */
  readonly sequencesPerStep: number;
  /** Tokens that all steps before this one have read. */
  tokensBefore(step: number): number;
}
