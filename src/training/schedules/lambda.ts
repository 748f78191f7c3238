/**
 * How strongly weights and activations are quantised during quantisation-aware training: lambda of each step, from 0 (not at all) to 1
 * (Hugging Face, "Fine-tuning LLMs to 1.58bit: extreme quantization made easy", 2024). From step T on it is 1: the sigmoid would not reach it.
 */
import { exp, pow } from '../../base/math.ts';
import { kinds, type Option, option } from '../../options/option.ts';
import { only, section, variants } from '../../options/section.ts';

const STEPS = { steps: option(kinds.fromOne, 'lambda is 1 from this step on') };

/** How lambda grows. t: the step, from 0; T: `steps`. */
export const LAMBDA = variants('name', [
  section({ name: only('constant'), value: option(kinds.share, 'lambda of all steps', 1) }, ['name']),
  section({ name: only('linear'), ...STEPS }, ['name', 'steps']),
  section({ name: only('exponential'), ...STEPS, k: option(kinds.positive, 'lambda is 1 - (1 - t / steps)^k', 4) }, [
    'name',
    'steps',
  ]),
  section(
    {
      name: only('sigmoid'),
      ...STEPS,
      k: option(kinds.positive, 'lambda is 1 / (1 + exp(-k (t / steps - 1/2)))', 100),
    },
    ['name', 'steps'],
  ),
]);

export type Lambda = typeof LAMBDA extends Option<infer T> ? T : never;

/** Lambda of a step, which counts from 0. */
export function lambdaAt(schedule: Lambda, step: number): number {
  if (schedule.name === 'constant') return schedule.value;
  const share = step / schedule.steps;
  if (share >= 1) return 1;
  switch (schedule.name) {
    case 'linear':
      return share;
    case 'exponential':
      return 1 - pow(1 - share, schedule.k);
    case 'sigmoid':
      return 1 / (1 + exp(-schedule.k * (share - 0.5)));
    default:
      return schedule satisfies never;
  }
}
