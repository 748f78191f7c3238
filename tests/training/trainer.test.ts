/** Laws of the trainer, on the reference backend. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { eager } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { derive, fill } from '../../src/loader/fill.ts';
import { openModel } from '../../src/loader/open.ts';
import { Ops } from '../../src/ops/index.ts';
import { examplesOf } from '../../src/training/examples.ts';
import { fullTrainable } from '../../src/training/full.ts';
import { Trainer, type TrainerSettings, type TrainStep } from '../../src/training/trainer.ts';

const folderOf = (name: string) => localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));

const ROWS = [
  { ids: Uint32Array.of(3, 1, 4, 1, 5, 9) },
  { ids: Uint32Array.of(2, 6) },
  { ids: Uint32Array.of(5, 3, 5, 8, 9, 7, 9) },
  { ids: Uint32Array.of(3, 2, 3), targetsMask: Uint8Array.of(0, 1) },
];

async function trainerOf(name: string, settings: Partial<TrainerSettings> = {}, roundsLinears = false) {
  const opened = await openModel(folderOf(name), { weights: 'f32', roundsLinears });
  const backend = createReferenceBackend();
  const tracer = eager(backend);
  const ops = new Ops(tracer);
  await fill(opened.plan, backend, ops);
  await opened.checkpoint.close();
  const trainable = fullTrainable(opened.plan, backend);
  const { rounding } = opened;
  const setLambda = rounding && ((lambda: number) => void Object.assign(rounding, { lambda }));
  const parts = {
    model: opened.model,
    backend,
    tracer,
    trainable,
    derive: () => derive(opened.plan, backend, ops),
    setLambda,
  };
  return new Trainer(parts, {
    optimizer: {
      groups: [{ rate: 1, weightDecay: 0.1, parameters: trainable.tensors }],
      betas: [0.9, 0.95],
      eps: 1e-8,
    },
    lrAt: () => 0.01,
    examplesAt: async () => [examplesOf(ROWS)],
    ...{ steps: 10, clip: 1, zLoss: 1e-4 },
    ...settings,
  });
}

async function all(trainer: Trainer): Promise<TrainStep[]> {
  const steps: TrainStep[] = [];
  for await (const step of trainer.run()) steps.push(step);
  return steps;
}

it.each(['backpack-levanter', 'llama-dense', 'mamba-odd', 'granite-moe-formula'])(
  'lowers the loss of what it trains on: %s',
  async (name) => {
    const trainer = await trainerOf(name);
    const steps = await all(trainer);
    expect(steps).toHaveLength(10);
    expect(steps.at(-1)?.loss).toBeLessThan(0.95 * (steps[0]?.loss as number));
    expect(await trainer.evaluate([examplesOf(ROWS)])).toBeLessThan(steps.at(-1)?.crossEntropy as number);
  },
);

it('gives the same gradients from two batches as from one with the rows of both', async () => {
  const whole = await trainerOf('granite-formula');
  const halves = await trainerOf('granite-formula', {
    examplesAt: async () => [examplesOf(ROWS.slice(0, 1)), examplesOf(ROWS.slice(1))],
  });
  const [a, b] = [await whole.gradients(), await halves.gradients()];
  expect(b.loss).toBeCloseTo(a.loss, 6);
  expect(b.gradNorm).toBeCloseTo(a.gradNorm, 6);
});

it.each(['transformers', 'dolomite', 'megablocks'] as const)('evens the load of experts: %s', async (name) => {
  const balance = { name, coefficient: 3, zLoss: 0.1 };
  const steps = await all(await trainerOf('granite-moe-formula', { balance, lrAt: () => 0.02, steps: 20 }));
  const extra = ({ loss, crossEntropy }: TrainStep) => loss - crossEntropy;
  expect(extra(steps.at(-1) as TrainStep)).toBeLessThan(extra(steps[0] as TrainStep));
});

it('rounds nothing at lambda 0, and trains through rounding at every other', async () => {
  const plain = await (await trainerOf('llama-dense')).gradients();
  const at = async (lambda: number) => trainerOf('llama-dense', { lambdaAt: () => lambda }, true);
  expect(await (await at(0)).gradients()).toEqual({ ...plain, lambda: 0 });
  const steps = await all(await at(1));
  expect(steps[0]?.loss).not.toBe(plain.loss);
  expect(steps.at(-1)?.loss).toBeLessThan(steps[0]?.loss as number);
});
