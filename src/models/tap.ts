/**
 * Taps read and replace the named values (sites) of a forward pass. A model shows each value; the rest of the pass uses what the tap
 * returns. Each sequence of a pass has its own tap, which gets the rows of that sequence only.
 */
import type { Tensor } from '../base/tensor.ts';
import type { Site } from './model.ts';

/** A tap on the values of one sequence. */
export interface Tap {
  /** It only looks, and runs no code of callers: it can fail no pass that others share. */
  readonly onlyLooks?: boolean;
  /** Is the tap attached to this site? */
  sees(site: string): boolean;
  see(site: string, x: Tensor): Tensor;
}

export type See = (x: Tensor) => Tensor;

/** The taps of all sequences of a pass, as one object for the model. */
export interface Taps {
  /** Shows a value with a row for each token, [T, ...]; returns the value that the rest of the pass must use. */
  (site: Site, x: Tensor): Tensor;
  /** For values computed per sequence: one function for each sequence with a tap on this site; undefined when there is none. */
  each(site: Site): readonly (See | undefined)[] | undefined;
  /** Is any tap attached to this site? For values that are computed only for taps. */
  sees(site: Site): boolean;
  /** Factors of the attention probabilities [H, T, S]: [B, C, H]; undefined when all are 1. See ops/attention.ts. */
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
