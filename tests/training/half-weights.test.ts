/** Laws of training with weights in bf16; what it computes is compared with PyTorch in golden.test.ts. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { fromPretrained, openPretrained, planOf, type TrainingOptions, trainingConfig } from '../../src/node.ts';
import { checkTraining } from '../../src/training/trainer-for.ts';

const folder = fileURLToPath(new URL('../golden/granite-moe-10', import.meta.url));

const OPTIONS: Omit<TrainingOptions, 'model'> = {
  data: {
    ids: [
      [3, 14, 8, 5, 35, 9, 2],
      [1, 5, 14, 15, 26, 38],
      [9, 3, 2, 6, 20, 21, 22],
    ],
  },
  ...{ batch: 2, steps: 3, compute: 'bf16', optimizer: { name: 'adamw', lr: 0.01 } },
};

async function trained(changes: Partial<TrainingOptions> = {}, threads = 1): Promise<Uint8Array> {
  const model = await fromPretrained(folder, { threads, weights: 'f32' });
  const trainer = await model.trainer({ ...OPTIONS, ...changes });
  for await (const _ of trainer.run());
  const bytes: Uint8Array[] = [];
  const { weights, moments } = trainer.state();
  for (const tensor of [...weights, ...moments]) for await (const part of tensor.bytes()) bytes.push(part.slice());
  trainer.dispose();
  await model.dispose();
  return Buffer.concat(bytes);
}

it('has the same bits with recomputation and on several threads, and others than with f32', async () => {
  const wanted = await trained();
  expect(await trained({ recompute: true })).toEqual(wanted);
  expect(await trained({}, 2)).toEqual(wanted);
  expect(await trained({ compute: 'f32' })).not.toEqual(wanted);
});

it('keeps masters that are finer than bf16, so that steps below its spacing add up', async () => {
  const tiny = { optimizer: { name: 'adamw', lr: 1e-6 } } as const;
  expect(await trained({ ...tiny, steps: 1 })).not.toEqual(await trained({ ...tiny, steps: 2 }));
});

it('tells the memory of the copies: two bytes for each number of a matrix', async () => {
  const opened = await openPretrained(folder);
  const plan = (compute: 'f32' | 'bf16') =>
    planOf(trainingConfig({ model: folder, ...OPTIONS, compute }), { model: opened.config }).memory;
  const slices = [...opened.plan.slices.values()].flat().filter(({ kind }) => kind !== 'vector');
  const numbers = slices.reduce((sum, { target }) => sum + target.shape.reduce((a, b) => a * b, 1), 0);
  expect(plan('bf16').copies).toBe(2 * numbers);
  expect(plan('f32').copies).toBe(0);
  expect(plan('bf16').total - plan('f32').total).toBe(2 * numbers);
  await opened.checkpoint.close();
});

it('is for full training', async () => {
  const opened = await openPretrained(folder);
  const config = trainingConfig({ model: folder, ...OPTIONS, train: 'lora' });
  expect(() => checkTraining(opened, config)).toThrow('"compute": "bf16" is for "train": "full"');
  await opened.checkpoint.close();
});
