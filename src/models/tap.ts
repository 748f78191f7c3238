/**
 * Named values on their way through a model. A model shows each one; what a tap returns is what the rest of the pass sees. Each sequence
 * of a pass has a tap of its own, which sees the rows of that sequence only.
 */
import type { Tensor } from '../tensor.ts';

/** Looks at the values of one sequence. */
export interface Tap {
  /** Does it want to see this site? */
  sees(site: string): boolean;
  see(site: string, x: Tensor): Tensor;
}

export type See = (x: Tensor) => Tensor;

/** Shows the values of one part of a model, under names without its prefix. */
export interface Sight {
  /** A value with a row for each token, [T, ...]. */
  (name: string, x: Tensor): Tensor;
  /** How to show a value that is made for each sequence by itself, or that costs something to make; undefined when nobody looks. */
  each(name: string): readonly (See | undefined)[] | undefined;
}

/** The taps of all sequences of a pass, as a model sees them. */
export interface Taps {
  /** The sight of a part: `taps.at('blocks.3.')('q', x)` shows `blocks.3.q`; `''` is the model itself. */
  at(prefix: string): Sight;
  /** Does any tap want to see this site? */
  sees(site: string): boolean;
}

/** A part of a model at which nobody looks; builds no names. */
export const unseen: Sight = Object.assign((_: string, x: Tensor) => x, { each: () => undefined });

export const noTaps: Taps = { at: () => unseen, sees: () => false };

export const tapOf = (sees: (site: string) => boolean, see: (site: string, x: Tensor) => Tensor): Tap => ({
  sees,
  see,
});
