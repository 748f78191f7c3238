/** Laws of sense fine-tuning. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memoryFolder } from '../../../src/checkpoint/folder-memory.ts';
import { readSafetensors } from '../../../src/checkpoint/safetensors.ts';
import { safetensorsBytes } from '../../../src/checkpoint/save.ts';
import type { Source } from '../../../src/checkpoint/source.ts';
import { fromPretrained, type Model, type ModelTrainer, openPretrained } from '../../../src/node.ts';
import { type TrainingOptions, trainingConfig } from '../../../src/training/config.ts';
import { checkTraining } from '../../../src/training/trainer-for.ts';

const folder = fileURLToPath(new URL('../../golden/backpack-hub', import.meta.url));

const OPTIONS: Omit<TrainingOptions, 'model'> = {
  train: 'senses',
  senses: {
    examples: [
      { prefix: [3, 14, 15], suffix: [9, 26] },
      { prefix: [5, 35], suffix: [8, 9, 7] },
      { prefix: [9, 3, 2], suffix: [38] },
    ],
    ...{ count: 4, background: 0.2, backgroundRows: 3, divergence: 0.3, epochs: 3, tolerance: 0.1 },
  },
  data: {
    ids: [
      [3, 14, 8, 5, 35, 9, 2],
      [1, 5, 14, 15, 26, 38],
      [9, 3, 2, 6, 20, 21, 22],
    ],
  },
  ...{ batch: 1, accumulate: 2, optimizer: { name: 'adamw', lr: 0.05, betas: [0.9, 0.995] } },
};

async function trained(changes: Partial<TrainingOptions> = {}, threads = 1) {
  const model = await fromPretrained(folder, { threads });
  const trainer = await model.trainer({ ...OPTIONS, ...changes });
  for await (const _ of trainer.run());
  return { model, trainer };
}

async function numbersOf({ trainer, model }: { trainer: ModelTrainer; model: Model }): Promise<Uint8Array> {
  const bytes: Uint8Array[] = [];
  for (const tensor of trainer.state().moments) for await (const part of tensor.bytes()) bytes.push(part.slice());
  trainer.dispose();
  await model.dispose();
  return Buffer.concat(bytes);
}

it('leaves the model as it was, and gives interventions with which it has the losses of training', async () => {
  const { model, trainer } = await trained();
  const interventions = trainer.interventions();
  const original = await fromPretrained(folder);
  const ids = OPTIONS.data && 'ids' in OPTIONS.data ? (OPTIONS.data.ids as number[][]) : [];
  expect(await model.score(ids[0] as number[])).toEqual(await original.score(ids[0] as number[]));
  const suffix = async (options: object) => {
    const { tokens } = await original.score([5, 35, 8, 9, 7], options);
    return tokens.slice(2).reduce((sum, { logprob }) => sum + (logprob as number), 0);
  };
  expect(await suffix({ interventions })).toBeGreaterThan((await suffix({})) + 0.05);
  // The loss on other texts after the last epoch, by the numbers of the result.
  let [sum, count] = [0, 0];
  for (const row of ids) {
    const { tokens } = await original.score(row, { interventions });
    for (const { logprob } of tokens.slice(1)) {
      sum -= logprob as number;
      count++;
    }
  }
  const general = await trainer.evaluate().catch((error: Error) => error.message);
  expect(general).toMatch(/no part for validation/);
  const again = await fromPretrained(folder);
  const other = await again.trainer(OPTIONS);
  let last: number | undefined;
  for await (const { generalLoss, isKept } of other.run()) if (isKept) last = generalLoss;
  expect(sum / count).toBeCloseTo(last as number, 5);
  for (const one of [trainer, other]) one.dispose();
  for (const one of [model, original, again]) await one.dispose();
});

it('has the same bits with recomputation, and on several threads', async () => {
  const wanted = await numbersOf(await trained());
  expect(await numbersOf(await trained({ recompute: true }))).toEqual(wanted);
  expect(await numbersOf(await trained({}, 2))).toEqual(wanted);
});

it('goes on from a saved state as if it had never stopped', async () => {
  const wanted = await numbersOf(await trained());
  const first = await fromPretrained(folder);
  const before = await first.trainer(OPTIONS);
  for (let i = 0; i < 3; i++) await before.next();
  const parts: Uint8Array[] = [];
  for await (const part of safetensorsBytes(before.state().moments)) parts.push(part.slice());
  before.dispose();
  await first.dispose();
  const files = memoryFolder(new Map([['state.safetensors', new Uint8Array(Buffer.concat(parts))]]), 'memory');
  const stored = await readSafetensors((await files.open('state.safetensors')) as Source);
  const model = await fromPretrained(folder);
  const trainer = await model.trainer(OPTIONS);
  await trainer.restore(3, stored);
  for await (const _ of trainer.run());
  expect(await numbersOf({ model, trainer })).toEqual(wanted);
});

it('lowers the loss of its examples, and a bad suffix becomes unlikelier', async () => {
  for (const loss of ['good', 'bad'] as const) {
    const model = await fromPretrained(folder);
    const trainer = await model.trainer({ ...OPTIONS, senses: { ...OPTIONS.senses, loss } as never, steps: 30 });
    const losses: number[] = [];
    for await (const step of trainer.run()) losses.push(step.loss);
    expect(losses.at(-1)).toBeLessThan((losses.at(1) as number) - 0.3);
    trainer.dispose();
    await model.dispose();
  }
});

describe('refuses before weights are read', () => {
  const check = async (name: string, changes: object) => {
    const opened = await openPretrained(fileURLToPath(new URL(`../../golden/${name}`, import.meta.url)));
    try {
      checkTraining(opened, trainingConfig({ model: name, ...OPTIONS, ...changes }));
    } finally {
      await opened.checkpoint.close();
    }
  };
  const withExample = (example: object, more: object = {}) => ({ senses: { examples: [example], ...more } });

  it.each(['llama-dense', 'mamba-odd', 'granite-formula'])('a model without senses: %s', async (name) => {
    await expect(check(name, {})).rejects.toThrow('needs a model whose tokens have sense vectors');
  });

  it.each([
    [{ zLoss: 0.1 }, "'zLoss' does not go with"],
    [{ freeze: ['*'] }, "'freeze' does not go with"],
    [withExample({ prefix: [1], suffix: [99] }), 'senses.examples.0 has the id 99; the model has 0 to 52.'],
    [withExample({ prefix: [], suffix: [9] }), 'empty prefix or suffix'],
    [withExample({ prefix: 'a', suffix: 'b' }), 'the model has no tokenizer: give token ids'],
    [withExample({ prefix: [1], suffix: [9], other: [2] }), 'leave it out'],
    [withExample({ prefix: [1], suffix: [9] }, { loss: 'balance' }), "has no 'other'"],
    [withExample({ prefix: [1], suffix: new Array(90).fill(9) }), 'the model reads at most 80'],
    [{ senses: { examples: [] }, steps: 1 }, 'nothing is left to train'],
  ])('%j', async (changes, message) => {
    await expect(check('backpack-hub', changes)).rejects.toThrow(message);
  });

  it('configurations that do not say what to train', () => {
    const small = { ...OPTIONS, model: 'm' };
    expect(() => trainingConfig({ ...small, senses: undefined })).toThrow(/has no 'senses'/);
    expect(() => trainingConfig({ ...small, train: 'full', steps: 1 })).toThrow(/has 'senses' but trains 'full'/);
    expect(trainingConfig(small).steps).toBe(6);
  });
});
