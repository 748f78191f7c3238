/**
 * Combines the taps of the sequences of a step: each tap gets the rows of its own sequence, and what it returns replaces them.
 * Interventions are applied before taps.
 */

import type { Tensor } from '../base/tensor.ts';
import type { Site } from '../models/model.ts';
import { noTaps, type See, type Tap, type Taps } from '../models/tap.ts';
import type { Ops } from '../ops/index.ts';
import type { PackedBatch } from './batch.ts';
import { replaced, type StepInterventions } from './interventions.ts';
import type { Packed } from './packed.ts';

export function tapsOf(ops: Ops, packed: Packed, batch: PackedBatch, taps: readonly (Tap | undefined)[]): Taps {
  const { starts, interventions } = packed;
  const tapped = taps.some(Boolean) ? tapsOnly(ops, starts, taps) : noTaps;
  return interventions.isEmpty ? tapped : intervened(ops, interventions, batch, tapped, starts.length - 1);
}

function intervened(
  ops: Ops,
  interventions: StepInterventions,
  batch: PackedBatch,
  taps: Taps,
  sequences: number,
): Taps {
  const show = (site: Site, x: Tensor): Tensor => taps(site, interventions.edit(ops, batch, site.name, x));
  const each = (site: Site): readonly (See | undefined)[] | undefined => {
    const tapped = taps.each(site);
    if (!interventions.changes(site.name)) return tapped;
    return Array.from({ length: sequences }, (_, b) => {
      const one = interventions.replacement(site.name, b);
      const see = tapped?.[b];
      if (!one) return see;
      return (x: Tensor) => {
        const y = replaced(ops, one, x);
        return see?.(y) ?? y;
      };
    });
  };
  return Object.assign(show, {
    each,
    sees: (site: Site) => taps.sees(site) || interventions.changes(site.name),
    gains: (site: Site) => interventions.gains(ops, batch, site.name),
  });
}

/** `starts`: first row of each sequence, and T at the end. */
function tapsOnly(ops: Ops, starts: readonly number[], taps: readonly (Tap | undefined)[]): Taps {
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
  return Object.assign(show, { each, sees, gains: () => undefined });
}
