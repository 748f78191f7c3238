/** Texts that a model writes during its training: they change no bit of the run, and are those of the weights of their step. */
import { expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import type { SampledStep } from '../../src/api/model-trainer.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { openModel } from '../../src/loader/open.ts';
import { fromPretrained, type ModelTrainingOptions } from '../../src/node.ts';
import { folderOf } from './saved-folder.ts';

const PROMPTS = ['Once upon a time', 'The king said to the queen:'];
const ROWS = [
  [300, 17, 5, 90, 41, 77, 260],
  [7, 9, 11, 400, 31],
];
const MODELS: readonly (readonly [string, Partial<ModelTrainingOptions>])[] = [
  ['backpack-tiny', {}],
  ['mamba-tiny', {}],
  ['granite-tiny', { lambda: { name: 'linear', steps: 2 } }],
  ['bitnet-tiny', { train: 'lora', lora: { rank: 2 } }],
];

async function trained(name: string, some: Partial<ModelTrainingOptions>) {
  const weights = some.train === 'lora' ? 'auto' : 'f32';
  const model = await fromPretrained(name, { weights, threads: 1, roundsLinears: some.lambda !== undefined });
  const optimizer = { name: 'adamw', lr: 0.02 } as const;
  const trainer = await model.trainer({ data: { ids: ROWS }, steps: 3, batch: 2, optimizer, ...some });
  const steps: SampledStep[] = [];
  for await (const step of trainer.run()) steps.push(step);
  return { model, trainer, steps };
}

it('refuses a prompt without a token before the first step', async () => {
  const samples = { prompts: ['Once', ''], every: 1 };
  await expect(trained('granite-tiny', { samples })).rejects.toThrow('samples.prompts[1] has no token');
});

const withoutSamples = (steps: readonly SampledStep[]) => steps.map(({ samples: _, ...step }) => step);

it.each(MODELS)('changes no bit, and depends on the weights alone: %s', async (name, some) => {
  const samples = { prompts: PROMPTS, maxNewTokens: 6 };
  const plain = await trained(name, some);
  const each = await trained(name, { ...some, samples: { ...samples, every: 1 } });
  const last = await trained(name, { ...some, samples: { ...samples, every: 100, temperature: 0 } });
  expect(withoutSamples(each.steps)).toEqual(plain.steps);
  expect(each.steps.map(({ samples }) => samples?.length)).toEqual([2, 2, 2]);
  expect(last.steps.map(({ samples }) => samples?.length)).toEqual([undefined, undefined, 2]);
  expect(each.steps[2]?.samples).toEqual(last.steps[2]?.samples);
  expect(each.steps[0]?.samples).not.toEqual(each.steps[2]?.samples);

  // What the trained model writes when it is used.
  const { model, trainer } = plain;
  const files = trainer.adapterFiles();
  const content = new Map<string, Blob>();
  for (const { name, bytes } of files ?? []) {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes()) pieces.push(piece.slice());
    content.set(name, new Blob(pieces as BlobPart[]));
  }
  const adapter = files && (await model.loadAdapter(memoryFolder(content)));
  for (const [i, prompt] of PROMPTS.entries()) {
    const { text } = await model.complete(prompt, { maxNewTokens: 6, adapter, generationConfig: false });
    expect(each.steps[2]?.samples?.[i]).toEqual({ prompt, text });
  }
  for (const { model } of [plain, each, last]) await model.dispose();
});

it('come from the bf16 copies where passes read these', async () => {
  const samples = { prompts: PROMPTS, maxNewTokens: 6, every: 1 };
  const { model, trainer, steps } = await trained('granite-tiny', { compute: 'bf16', samples });
  const folder = await folderOf(await model.files());
  const backend = await createWasmBackend({ platform: nodePlatform, threads: 1 });
  const rounded = await Model.load(await openModel(folder, { weights: 'bf16' }), backend);
  for (const [i, prompt] of PROMPTS.entries()) {
    const { text } = await rounded.complete(prompt, { maxNewTokens: 6, generationConfig: false });
    expect(steps.at(-1)?.samples?.[i]).toEqual({ prompt, text });
  }
  trainer.dispose();
  for (const one of [model, rounded]) await one.dispose();
});

it('draws the same tokens from the same seed', async () => {
  const texts = async (seed: number) => {
    const samples = { prompts: PROMPTS, temperature: 1, maxNewTokens: 12 };
    const { steps, model } = await trained('granite-tiny', { steps: 1, seed, samples });
    await model.dispose();
    return steps[0]?.samples;
  };
  const first = await texts(1);
  expect(await texts(1)).toEqual(first);
  expect(await texts(2)).not.toEqual(first);
});

it('says before memory is taken that a prompt is too long, or that there is no tokenizer', async () => {
  const model = await fromPretrained('granite-tiny', { weights: 'f32', threads: 1 });
  const samples = { prompts: ['king '.repeat(5000)] };
  const optimizer = { name: 'adamw', lr: 0.02 } as const;
  await expect(model.trainer({ data: { ids: ROWS }, steps: 1, optimizer, samples })).rejects.toThrow(/do not fit/);
  await model.dispose();
});
