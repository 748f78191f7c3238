/** How large captured values are, from the shapes of their sites, before anything is read. */
import { size } from '../base/tensor.ts';
import { matchSites } from '../inspect/capture.ts';
import type { InterventionTarget } from '../interventions/target.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { ModelParts } from './model-parts.ts';

const NUMBER_BYTES = 4; // f32 or i32

/** Tokens from..to of a text are captured. */
interface CapturedTokens {
  readonly from: number;
  readonly to: number;
}

/** Bytes of the values of sites that match these patterns. Throws UsageError when a pattern matches none. */
export const captureSize = ({ engine }: ModelParts, patterns: readonly string[], tokens: CapturedTokens): number =>
  captureBytes(targetOf(engine.model), matchSites(engine.model.sites, patterns), tokens);

/** Bytes of the values of these sites. */
export function captureBytes(
  { sites }: InterventionTarget,
  names: Iterable<string>,
  { from, to }: CapturedTokens,
): number {
  let bytes = 0;
  for (const name of names) {
    const site = sites.get(name);
    if (!site) continue;
    // The shapes are those of one token that sees itself: T and S are 1.
    const axes = site.axes.slice(1, -1).split(', ');
    const rows = axes.includes('T') ? to - from : 1;
    bytes += size(site.shape) * rows * (axes.includes('S') ? to : 1) * NUMBER_BYTES;
  }
  return bytes;
}
