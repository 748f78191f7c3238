/** Laws of adapters in training: nothing changes at first, the weights of the model get no gradient, and the loss falls, on any weight format. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { UsageError } from '../../src/base/errors.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { SavedFile } from '../../src/checkpoint/save.ts';
import type { WeightFormat } from '../../src/loader/formats.ts';
import { openModel } from '../../src/loader/open.ts';
import { LoraTraining } from '../../src/training/lora.ts';
import { passOver } from '../../src/training/pass.ts';
import { Trainer } from '../../src/training/trainer.ts';

const folderOf = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const EXPERTS = ['experts.gate_up_proj', 'experts.down_proj', 'router.weight', 'q_proj', 'lm_head'];
const CASES: readonly (readonly [name: string, weights: WeightFormat, targets: string[] | undefined])[] = [
  ['backpack-formula', 'f32', undefined],
  ['llama-dense', 'q8', undefined],
  ['mamba-odd', 'bf16', undefined],
  ['falcon-mamba', 'q4', undefined],
  ['granite-moe-shared', 'bf16', EXPERTS],
  ['llama-formula', 'auto', undefined],
  ['llama-2b4t', 'auto', undefined],
];
/** Of words that all vocabularies have, and no longer than any context. */
const ROWS = [
  [5, 3, 10, 10, 7, 9, 1, 4],
  [2, 8],
  [11, 6, 2, 4],
];

async function load(name: string, weights: WeightFormat): Promise<Model> {
  return Model.load(await openModel(localFolder(folderOf(name)), { weights }), createReferenceBackend());
}

const examples = {
  sequences: ROWS.map((row) => row.slice(0, -1)),
  targets: Int32Array.from(ROWS.flatMap((row) => row.slice(1))),
};

async function contentOf(files: readonly SavedFile[]) {
  const all = new Map<string, Uint8Array>();
  for (const { name, bytes } of files) {
    const pieces: Uint8Array[] = [];
    for await (const piece of bytes()) pieces.push(Uint8Array.from(piece));
    all.set(name, new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
  }
  return all;
}

describe.each(CASES)('%s, %s', (name, weights, targets) => {
  it('begins as the model, learns without changing its weights, and is read again from its files', async () => {
    const model = await load(name, weights);
    const { opened, engine, tracer } = partsOf(model);
    const { backend } = engine;
    const lora = await LoraTraining.begin(opened, backend, { rank: 3, alpha: 6, targets }, 1);
    const parts = { model: opened.model, backend, tracer };
    const none = { trained: new Map<Tensor, Tensor>(), perTarget: 1 / 11, perRow: 0 };
    const plain = await passOver(parts, examples, none);
    expect(await passOver({ ...parts, adapt: lora.adapt }, examples, none)).toEqual(plain);

    const before = await contentOf(await model.files());
    const trainer = new Trainer(
      { ...parts, adapt: lora.adapt, trainable: lora, derive: async () => {} },
      {
        optimizer: { groups: [{ rate: 1, weightDecay: 0, parameters: lora.tensors }], betas: [0.9, 0.95], eps: 1e-8 },
        lrAt: () => 0.02,
        examplesAt: async () => [examples],
        steps: 30,
      },
    );
    const losses: number[] = [];
    for await (const { loss } of trainer.run()) losses.push(loss);
    trainer.dispose();
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.1);
    expect(await contentOf(await model.files())).toEqual(before);

    const trainedLoss = (await passOver({ ...parts, adapt: lora.adapt }, examples, none)).crossEntropy;
    const files = await contentOf(lora.files());
    const adapter = await model.loadAdapter(memoryFolder(files));
    let scored = 0;
    for (const row of ROWS) scored -= (await model.score(row, { adapter })).sumLogprob;
    expect(Math.abs(scored - trainedLoss)).toBeLessThan(1e-3 * (1 + trainedLoss));
    await adapter.dispose();
    await model.dispose();
  });
});

it('refuses what it cannot train, before memory is allocated', async () => {
  const model = await load('llama-dense', 'f32');
  const { opened, engine } = partsOf(model);
  const bytes = engine.backend.memory().liveBytes;
  const begin = (options: object) => LoraTraining.begin(opened, engine.backend, { rank: 2, alpha: 2, ...options }, 1);
  await expect(begin({ targets: ['q_proj', 'in_proj'] })).rejects.toThrow(
    new UsageError(
      "no linear map is called 'in_proj'; this model has q_proj, k_proj, v_proj, o_proj, gate_proj, … (8 in all).",
    ),
  );
  for (const dropout of [-0.1, 1, Number.NaN]) await expect(begin({ dropout })).rejects.toThrow(UsageError);
  await expect(begin({ rank: 0 })).rejects.toThrow(UsageError);
  await expect(begin({ targets: [] })).rejects.toThrow(UsageError);
  expect(engine.backend.memory().liveBytes).toBe(bytes);
  await model.dispose();
});
