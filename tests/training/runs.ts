/** Lengths of runs for tests. */
import type { RunLength } from '../../src/training/schedules/run-length.ts';

/** A run in which every step reads as many tokens. */
export const evenRun = (steps: number, tokensPerStep = 1, sequencesPerStep = 1): RunLength => ({
  steps,
  sequencesPerStep,
  tokensBefore: (step) => step * tokensPerStep,
});
