/** Watching the passes of an engine, op by op: a tracer's decorator that is told where passes begin and end, and which values are which. */

import type { Tensor } from '../base/tensor.ts';
import type { Taps } from '../models/tap.ts';

/** An engine that is watched encodes every step anew, since a recorded one runs no op. */
export interface Watch {
  /** Runs one pass; throws what there is to complain of at its end, while its memory is still there. */
  pass<R>(body: () => Promise<R>): Promise<R>;
  /** The ops since the last site led to this one. */
  reached(site: string): void;
}

/** Tells the watch of every site that is shown; what is made only when somebody looks stays unmade. */
export function watchedTaps(show: Taps, watch: Watch | undefined): Taps {
  if (!watch) return show;
  const watched = (...[site, x]: Parameters<Taps>): Tensor => {
    watch.reached(site.name);
    return show(site, x);
  };
  return Object.assign(watched, { each: show.each, sees: show.sees, gains: show.gains });
}
