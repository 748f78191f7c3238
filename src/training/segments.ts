/** Parts of a run between which the model is opened again, because keys of config.json or the weight decay change. */
import type { Stage } from './schedules/stages.ts';

export interface Segment {
  /** The first step, counted from 0 over the whole run. */
  readonly first: number;
  /** The first step after it. */
  readonly end: number;
  /** Keys of config.json that are changed in it. */
  readonly config: { readonly [key: string]: unknown };
  readonly weightDecay: number;
}

/** In order. Neighbouring stages that open the model alike are one segment. */
export function segmentsOf(stages: readonly Stage[]): readonly Segment[] {
  const segments: Segment[] = [];
  for (const { first, steps, config, weightDecay } of stages) {
    const last = segments.at(-1);
    const isAlike = last && last.weightDecay === weightDecay && JSON.stringify(last.config) === JSON.stringify(config);
    if (isAlike) segments.pop();
    segments.push({ first: isAlike ? last.first : first, end: first + steps, config, weightDecay });
  }
  return segments;
}
