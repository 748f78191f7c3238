/**
 * An observer of all ops of an engine's passes, such as `checked` and `timed`: it is informed when a pass begins and ends, and which site
 * an op's output belongs to.
 */

import type { Tensor } from '../base/tensor.ts';
import type { Taps } from '../models/tap.ts';

/** A watched engine replays no recorded steps, since these run no ops. */
export interface Watch {
  /** Runs one pass. May throw at its end, while the memory of the pass still exists. */
  pass<R>(body: () => Promise<R>): Promise<R>;
  /** The ops since the last site led to this one. */
  reached(site: string): void;
}

/** Calls `reached` for every site that is shown. Does not cause values to be computed that are only computed for taps. */
export function watchedTaps(show: Taps, watch: Watch | undefined): Taps {
  if (!watch) return show;
  const watched = (...[site, x]: Parameters<Taps>): Tensor => {
    watch.reached(site.name);
    return show(site, x);
  };
  return Object.assign(watched, { each: show.each, sees: show.sees, gains: show.gains });
}
