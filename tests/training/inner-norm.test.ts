/** New 1.58-bit models with a norm before each ternary layer: trained, saved, packed and loaded again. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { SavedFile } from '../../src/checkpoint/save.ts';
import { openModel } from '../../src/loader/open.ts';
import { type TrainingOptions, trainingConfig } from '../../src/training/config.ts';
import { newModel } from '../../src/training/initialize/new-model.ts';
import { planOf } from '../../src/training/plan/plan.ts';
import { checkTraining } from '../../src/training/trainer-for.ts';
import { folderOf } from './saved-folder.ts';

const CONFIG = {
  ...{ model_type: 'llama', hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 4, num_key_value_heads: 2 },
  ...{ intermediate_size: 24, vocab_size: 32, max_position_embeddings: 64, tie_word_embeddings: false },
  ...{ rms_norm_eps: 1e-5, rope_theta: 10000, hidden_act: 'silu' },
};
const IDS = [3, 17, 5, 9, 2, 11];
const OPTIONS: Omit<TrainingOptions, 'model'> = {
  data: { ids: [IDS, [7, 7, 4, 3, 1], [9, 2, 11, 30]] },
  ...{ batch: 3, steps: 12, innerNorm: true, lambda: { name: 'linear', steps: 6 } },
  optimizer: { name: 'adamw', lr: 0.02 },
};

const begun = () =>
  newModel({
    config: CONFIG,
    rules: [
      { tensors: ['*norm.weight'], values: 'constant', value: 1, scale: 1 },
      { tensors: ['*'], values: 'normal', std: 0.2, scale: 1 },
    ],
    seed: 1,
    innerNorm: true,
  });

const load = async (files: readonly SavedFile[], roundsLinears = false) =>
  Model.load(
    await openModel(await folderOf(files), roundsLinears ? { weights: 'f32', roundsLinears } : {}),
    createReferenceBackend(),
  );

it('learns, and computes the same when it is saved, loaded, packed and loaded again', async () => {
  const model = await load(begun().files, true);
  const trainer = await model.trainer(OPTIONS);
  const losses: number[] = [];
  for await (const { loss } of trainer.run()) losses.push(loss);
  expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] as number));
  const { opened, engine } = partsOf(model);
  const gain = (name: string) => engine.backend.read(opened.plan.slices.get(name)?.[0]?.target as Tensor);
  expect(new Set(await gain('model.layers.1.input_layernorm.weight'))).toEqual(new Set([1]));
  expect(new Set(await gain('model.layers.1.mlp.down_proj.rms_norm.weight')).size).toBeGreaterThan(1);
  const wanted = await model.logits(IDS); // at lambda 1
  const online = await load(await model.files());
  const found = await online.logits(IDS);
  const largest = Math.max(...wanted.data.map(Math.abs));
  wanted.data.forEach((x, i) => {
    expect(Math.abs((found.data[i] as number) - x)).toBeLessThan(1e-5 * largest);
  });
  const packed = await online.files();
  expect(await (await load(packed)).logits(IDS)).toEqual(found);
  const json = packed.find(({ name }) => name === 'config.json') as SavedFile;
  const parts: Uint8Array[] = [];
  for await (const part of json.bytes()) parts.push(part.slice());
  expect(JSON.parse(new TextDecoder().decode(Buffer.concat(parts)))).toMatchObject({
    quantization_config: { quantization_mode: 'offline', use_rms_norm: true, rms_norm_eps: 1e-5 },
  });
});

it('trains the inner norms, and not those of the blocks, which stay 1', async () => {
  const opened = await openModel(await folderOf(begun().files), { weights: 'f32', roundsLinears: true });
  const groups = checkTraining(opened, trainingConfig({ model: 'm', ...OPTIONS }));
  const names = groups.flatMap(({ parameters }) => parameters.map(({ name }) => name));
  expect(names).toContain('model.layers.1.mlp.down_proj.rms_norm.weight');
  expect(names).toContain('model.norm.weight');
  expect(names.filter((name) => name.endsWith('layernorm.weight'))).toEqual([]);
  const plan = planOf(trainingConfig({ model: 'm', ...OPTIONS }), { model: CONFIG });
  const sizes = opened.plan.slices.values();
  const total = [...sizes].flat().reduce((sum, { target }) => sum + target.shape.reduce((a, b) => a * b, 1), 0);
  expect(plan.parameters.total).toBe(total);
  expect(plan.parameters.trained).toBe(total - 2 * 2 * 16);
});

it('is refused where it would make another model of a checkpoint, and without lambda', async () => {
  const dense = localFolder(fileURLToPath(new URL('../golden/llama-dense', import.meta.url)));
  const opened = await openModel(dense, { weights: 'f32', roundsLinears: true });
  const check = (changes: object) => () =>
    checkTraining(opened, trainingConfig({ model: 'm', ...OPTIONS, ...changes }));
  expect(check({})).toThrow('this checkpoint has no norms before its linear maps');
  expect(check({ lambda: undefined })).toThrow('"innerNorm" is for 1.58-bit training');
});
