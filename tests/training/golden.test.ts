/** Training gives the losses and gradients of the reference implementations: every family, with the options of loss, optimiser and schedule. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backends/backend.ts';
import { casesByBackend } from '../backends.ts';
import { type Configured, configuredTrainer, gradientsOf } from './configured.ts';
import { distance, goldenGradients, readTrainingGolden, trainingGoldenNames } from './goldens.ts';

/** Relative; the golden numbers were computed in double precision, and rounding to f32 moves them by less than a tenth of this. */
const FIRST_LOSS = 1e-5;
const LOSS = 1e-4;
const GRADIENT = 1e-4;
/** The norm after ten steps amplifies rounding: PyTorch in f32 is up to 2.8e-4 away from itself in f64 (`noise` in the goldens). */
const NORM = 1e-3;

const relative = (found: number, wanted: number) => Math.abs(found - wanted) / Math.abs(wanted);

describe.each(casesByBackend(trainingGoldenNames()))('on the %s backend', (_, create, names) => {
  describe.each(names)('%s', (name) => {
    const golden = readTrainingGolden(name);
    let backend: Backend;
    let run: Configured;

    beforeAll(async () => {
      backend = await create();
      run = await configuredTrainer(golden.config, backend);
    });
    afterAll(() => backend.dispose());

    it('has the losses, the norms and the learning rates of the reference in every step', async () => {
      expect(golden.losses).toHaveLength(golden.config.steps);
      for (const [step, wanted] of golden.losses.entries()) {
        if (step === golden.gradientsOfStep) await expectGradients(name, run);
        const { loss, gradNorm, lr } = await run.trainer.next();
        expect(relative(loss, wanted), `loss ${loss} of step ${step}, wanted ${wanted}`).toBeLessThan(
          step === 0 ? FIRST_LOSS : LOSS,
        );
        const norm = golden.gradNorms[step] as number;
        expect(relative(gradNorm, norm), `norm ${gradNorm} of step ${step}, wanted ${norm}`).toBeLessThan(NORM);
        expect(lr).toBeCloseTo(golden.learningRates[step] as number, 12);
      }
    });
  });
});

async function expectGradients(name: string, run: Configured): Promise<void> {
  const wanted = await goldenGradients(name);
  await run.trainer.gradients();
  const found = await gradientsOf(run);
  expect([...found.keys()].sort()).toEqual([...(wanted as Map<string, Float32Array>).keys()].sort());
  for (const [tensor, gradient] of wanted as Map<string, Float32Array>) {
    expect(found.get(tensor)?.length, tensor).toBe(gradient.length);
    expect(distance(found.get(tensor) as Float32Array, gradient), `gradient of ${tensor}`).toBeLessThan(GRADIENT);
  }
}
