/**
 * Named values on their way through a model. A model shows each one to a tap; what the tap returns is what the rest of the pass sees.
 * `blind` costs nothing: it looks at no value and builds no name.
 */
import type { Tensor } from '../tensor.ts';

export type See = (x: Tensor) => Tensor;

/** Shows the values of one part of a model, under names without its prefix. */
export interface Sight {
  (name: string, x: Tensor): Tensor;
  /** How to show a value that costs something to make; undefined when nobody looks. */
  wanted(name: string): See | undefined;
}

export interface Tap {
  /** The sight of a part: `tap.at('blocks.3.')('q', x)` shows `blocks.3.q`; `''` is the model itself. */
  at(prefix: string): Sight;
}

const unseen: Sight = Object.assign((_: string, x: Tensor) => x, { wanted: () => undefined });

export const blind: Tap = { at: () => unseen };

/** A tap that calls `see` for the sites that `wants` names. */
export function tapOf(wants: (site: string) => boolean, see: (site: string, x: Tensor) => Tensor): Tap {
  return {
    at: (prefix) =>
      Object.assign((name: string, x: Tensor) => (wants(prefix + name) ? see(prefix + name, x) : x), {
        wanted: (name: string) => (wants(prefix + name) ? (x: Tensor) => see(prefix + name, x) : undefined),
      }),
  };
}
