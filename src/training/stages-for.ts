/** The stages of a configured run. */
import { windowOf } from '../data/options.ts';
import type { TrainingConfig } from './config.ts';
import { type Stage, stagesOf } from './schedules/stages.ts';

/** Tokens that the longest rows have, without the last id, which is only a target. */
export function sequenceOf({ data }: TrainingConfig): number {
  return 'ids' in data ? Math.max(...data.ids.map(({ length }) => length - 1)) : windowOf(data).window - 1;
}

/** At least one, in order. */
export function stagesFor(config: TrainingConfig): readonly Stage[] {
  const { lr, weightDecay } = config.optimizer;
  return stagesOf({ ...config, sequence: sequenceOf(config), lr, weightDecay });
}
