/**
 * Named values on their way through a model. A model shows each one; what a tap returns is what the rest of the pass sees. Each sequence
 * of a pass has a tap of its own, which sees the rows of that sequence only.
 */
import type { Tensor } from '../base/tensor.ts';
import type { Site } from './model.ts';

/** Looks at the values of one sequence. */
export interface Tap {
  /** Does it want to see this site? */
  sees(site: string): boolean;
  see(site: string, x: Tensor): Tensor;
}

export type See = (x: Tensor) => Tensor;

/** The taps of all sequences of a pass, as a model sees them. */
export interface Taps {
  /** Shows a value with a row for each token, [T, ...]; gives what the rest of the pass is to use. */
  (site: Site, x: Tensor): Tensor;
  /** How to show a value that is made for each sequence by itself: a function for each sequence whose tap sees it; undefined when none does. */
  each(site: Site): readonly (See | undefined)[] | undefined;
  /** Does any tap see this site? For values that are made only when somebody looks. */
  sees(site: Site): boolean;
  /** Factors by which probabilities [H, T, S] of attention are to be multiplied, [B, C, H]; undefined when all are 1. See ops/attention.ts. */
  gains(site: Site): Tensor | undefined;
}

export const noTaps: Taps = Object.assign((_: Site, x: Tensor) => x, {
  each: () => undefined,
  sees: () => false,
  gains: () => undefined,
});

export const tapOf = (sees: (site: string) => boolean, see: (site: string, x: Tensor) => Tensor): Tap => ({
  sees,
  see,
});
