/** The taps of the sequences of a step as a model sees them: each gets the rows of its own sequence, and what it makes of them goes back there. */

import type { Tensor } from '../base/tensor.ts';
import type { Site } from '../models/model.ts';
import { noTaps, type Tap, type Taps } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';

/** `starts`: first row of each sequence, and T at the end. */
export function tapsOf(ops: Ops, starts: readonly number[], taps: readonly (Tap | undefined)[]): Taps {
  if (!taps.some(Boolean)) return noTaps;
  const sees = ({ name }: Site) => taps.some((tap) => tap?.sees(name));
  const each = ({ name }: Site) => {
    const see = taps.map((tap) => (tap?.sees(name) ? (x: Tensor) => tap.see(name, x) : undefined));
    return see.some(Boolean) ? see : undefined;
  };
  const show = (site: Site, x: Tensor): Tensor => {
    const see = each(site);
    if (!see) return x;
    if (see.length === 1) return see[0]?.(x) ?? x;
    const parts = see.map((show, b) => {
      const own = ops.rows(x, starts[b] as number, starts[b + 1] as number);
      return { own, seen: show?.(own) ?? own };
    });
    if (parts.every(({ own, seen }) => seen === own)) return x;
    return ops.concat(parts.map(({ seen }) => seen));
  };
  return Object.assign(show, { each, sees });
}
