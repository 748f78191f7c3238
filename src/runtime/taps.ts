/** The taps of the sequences of a step as a model sees them: each gets the rows of its own sequence, and what it makes of them goes back there. */
import { noTaps, type Sight, type Tap, type Taps } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';
import type { Tensor } from '../tensor.ts';

/** `starts`: first row of each sequence, and T at the end. */
export function tapsOf(ops: Ops, starts: readonly number[], taps: readonly (Tap | undefined)[]): Taps {
  if (!taps.some(Boolean)) return noTaps;
  const sees = (site: string) => taps.some((tap) => tap?.sees(site));
  const each = (site: string) =>
    sees(site) ? taps.map((tap) => (tap?.sees(site) ? (x: Tensor) => tap.see(site, x) : undefined)) : undefined;
  const shown = (site: string, x: Tensor): Tensor => {
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
  const at = (prefix: string): Sight =>
    Object.assign((name: string, x: Tensor) => shown(prefix + name, x), {
      each: (name: string) => each(prefix + name),
    });
  return { at, sees };
}
