/** The learning rate and lambda of a run at the steps where they turn, and evenly between. */
import type { TrainingConfig } from '../config.ts';
import { lambdaAt } from '../schedules/lambda.ts';
import { type Stage, stageAt, tokensBefore } from '../schedules/stages.ts';

export interface ScheduleRow {
  readonly step: number;
  /** Tokens read before this step. */
  readonly tokens: number;
  /** From 0 on. */
  readonly stage: number;
  readonly rate: number;
  readonly lambda: number | undefined;
}

const EVENLY = 4;

export function scheduleTable(config: TrainingConfig, stages: readonly Stage[]): ScheduleRow[] {
  const steps = stages.reduce((sum, stage) => sum + stage.steps, 0);
  const turns = stages.flatMap(({ first, steps: count }, i) => {
    const schedule = config.stages?.[i]?.schedule ?? (i === 0 ? config.schedule : undefined);
    const warmup = schedule?.warmup ?? 0;
    const falls = schedule?.name === 'cooldown' ? schedule.cooldown : schedule?.name === 'power' ? schedule.decay : 0;
    const end = config.stages?.[i]?.schedule || !config.stages ? first + count : steps;
    return [first, first + warmup, end - falls, first + count - 1];
  });
  const even = Array.from({ length: EVENLY }, (_, i) => Math.floor((i * steps) / EVENLY));
  const lambdaSteps = config.lambda && config.lambda.name !== 'constant' ? [config.lambda.steps] : [];
  const wanted = [...new Set([...turns, ...even, ...lambdaSteps, steps - 1])].filter(
    (step) => step >= 0 && step < steps,
  );
  return wanted
    .sort((a, b) => a - b)
    .map((step) => {
      const stage = stageAt(stages, step);
      return {
        step,
        tokens: tokensBefore(stages, step),
        stage: stages.indexOf(stage),
        rate: stage.rate(step),
        lambda: config.lambda && lambdaAt(config.lambda, step),
      };
    });
}
