/** Sense fine-tuning computes what PyTorch computed: see tools/reference/make_sense_training.py. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { fromPretrained, type TrainingOptions } from '../../../src/node.ts';
import type { TrainStep } from '../../../src/training/trainer.ts';

interface Golden {
  readonly config: TrainingOptions & { readonly model: string };
  /** Tokens and senses. */
  readonly selected: readonly (readonly [number, number])[];
  readonly losses: readonly number[];
  readonly divergences: readonly number[];
  readonly gradNorms: readonly number[];
  readonly generalLosses: readonly number[];
  readonly kept: readonly boolean[];
  /** After all steps, and in the epoch that is the result. */
  readonly added: readonly (readonly number[])[];
  readonly result: readonly (readonly number[])[];
}

const root = fileURLToPath(new URL('../../golden/', import.meta.url));
const { about: _, ...goldens } = JSON.parse(readFileSync(`${root}sense-training.json`, 'utf8')) as Record<
  string,
  Golden
>;

const TOLERANCE = 1e-4;

describe.each(Object.entries(goldens))('%s', (_, golden) => {
  it('selects the same senses, and has the same losses, norms and added vectors', async () => {
    const { model: folder, ...options } = golden.config;
    const model = await fromPretrained(`${root}${folder}`, { threads: 2 });
    const trainer = await model.trainer(options);
    const steps: TrainStep[] = [];
    for await (const step of trainer.run()) steps.push(step);

    const { interventions, vectors } = trainer.interventions();
    expect(interventions.map((one) => Object.values('senses' in one ? one.senses : {}))).toEqual(golden.selected);
    expect(steps).toHaveLength(golden.losses.length);
    for (const [i, { loss, divergence, gradNorm }] of steps.entries()) {
      expect(loss, `loss of step ${i}`).toBeCloseTo(golden.losses[i] as number, 4);
      expect(divergence, `divergence of step ${i}`).toBeCloseTo(golden.divergences[i] as number, 5);
      expect(gradNorm, `norm of step ${i}`).toBeCloseTo(golden.gradNorms[i] as number, 4);
    }
    const epochs = steps.filter(({ generalLoss }) => generalLoss !== undefined);
    expect(epochs.map(({ isKept }) => isKept)).toEqual(golden.kept);
    for (const [i, { generalLoss }] of epochs.entries())
      expect(generalLoss).toBeCloseTo(golden.generalLosses[i] as number, 4);
    [...vectors.values()].forEach(({ data }, n) => {
      expectClose(data as Float32Array, golden.result[n] as readonly number[]);
    });
    const [added] = trainer.state().weights;
    const bytes: number[] = [];
    for await (const part of added?.bytes() ?? []) bytes.push(...part);
    expectClose(new Float32Array(Uint8Array.from(bytes).buffer), golden.added.flat());
    trainer.dispose();
    await model.dispose();
  });
});

function expectClose(found: Float32Array, wanted: readonly number[]): void {
  expect(found).toHaveLength(wanted.length);
  const furthest = Math.max(...wanted.map((x, i) => Math.abs(x - (found[i] as number))));
  expect(furthest).toBeLessThan(TOLERANCE);
}
