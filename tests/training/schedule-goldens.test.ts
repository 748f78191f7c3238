/** Learning rates and lambda against transformers' schedules and published formulas: see tools/reference/make_schedules.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { checkSection } from '../../src/options/section.ts';
import { LAMBDA, lambdaAt } from '../../src/training/schedules/lambda.ts';
import { learningRate, SCHEDULE } from '../../src/training/schedules/learning-rate.ts';
import { evenRun } from './runs.ts';

interface Goldens {
  readonly learningRates: readonly {
    readonly source: string;
    readonly lr: number;
    readonly steps: number;
    readonly schedule: object;
    readonly sequencesPerStep?: number;
    readonly tokensPerStep?: number;
    readonly rates: readonly (readonly [step: number, rate: number])[];
  }[];
  readonly lambdas: readonly {
    readonly schedule: object;
    readonly values: readonly (readonly [step: number, value: number])[];
  }[];
}

const file = fileURLToPath(new URL('../golden/training/schedules.json', import.meta.url));
const { learningRates, lambdas } = JSON.parse(readFileSync(file, 'utf8')) as Goldens;

describe('learning rates', () => {
  it.each(learningRates)('$source', ({ lr, steps, schedule, rates, tokensPerStep = 1, sequencesPerStep = 1 }) => {
    const options = checkSection('the schedule', schedule, SCHEDULE);
    const at = learningRate(options, lr, evenRun(steps, tokensPerStep, sequencesPerStep));
    for (const [step, rate] of rates)
      expect(Math.abs(at(step) - rate), `step ${step}`).toBeLessThanOrEqual(1e-12 * lr + 1e-10 * rate);
  });
});

describe('lambda', () => {
  it.each(lambdas)('$schedule', ({ schedule, values }) => {
    const options = checkSection('lambda', schedule, LAMBDA);
    for (const [step, value] of values) expect(lambdaAt(options, step), `step ${step}`).toBeCloseTo(value, 12);
  });
});
