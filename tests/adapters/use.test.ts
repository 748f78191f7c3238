/** Adapters at run time: chosen per call, remembered by states, and merged. */
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { openAdapter } from '../../src/adapters/file.ts';
import { mergeInto } from '../../src/adapters/merge.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { UsageError } from '../../src/base/errors.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import type { WeightFormat } from '../../src/loader/formats.ts';
import { openModel } from '../../src/loader/open.ts';
import { distance } from '../training/goldens.ts';

const at = (name: string) => localFolder(fileURLToPath(new URL(`../golden/${name}`, import.meta.url)));
const load = async (name: string, weights: WeightFormat = 'f32') =>
  Model.load(await openModel(at(name), { weights }), createReferenceBackend());
const IDS = [11, 3, 36, 27, 27, 0];

it('gives each prompt of a batch what its own adapter gives alone', async () => {
  const model = await load('llama-dense');
  const adapter = await model.loadAdapter(at('peft/llama'));
  const options = { maxNewTokens: 6, ignoreEnd: true, generationConfig: false as const };
  const alone = [await model.complete(IDS, { ...options, adapter }), await model.complete(IDS, options)];
  const ids: number[][] = [[], []];
  for await (const { index, id } of model.generate([IDS, IDS], { ...options, adapterOf: [adapter, undefined] }))
    if (id !== undefined) ids[index]?.push(id);
  expect(ids).toEqual(alone.map((one) => one.ids));
  expect(ids[0]).not.toEqual(ids[1]);
  await model.dispose();
});

it('does not continue a state under another adapter, and caches keep them apart', async () => {
  const model = await load('llama-dense');
  const adapter = await model.loadAdapter(at('peft/llama'));
  const state = model.newState();
  await model.complete(IDS, { state, adapter, maxNewTokens: 1 });
  await expect(model.complete([1], { state })).rejects.toThrow(UsageError);
  await expect(model.capture([1], { state, sites: ['hidden'] })).rejects.toThrow(UsageError);
  const again = await model.loadAdapter(at('peft/llama'));
  await model.complete([1], { state, adapter: again, maxNewTokens: 1 });
  const cache = model.newPrefixCache();
  await model.complete(IDS, { cache, adapter, maxNewTokens: 1 });
  expect((await model.complete(IDS, { cache, maxNewTokens: 1 })).cachedTokens).toBe(0);
  expect((await model.complete(IDS, { cache, adapter, maxNewTokens: 1 })).cachedTokens).toBe(IDS.length - 1);
  const before = partsOf(model).engine.backend.memory().liveBytes;
  await adapter.dispose();
  expect(partsOf(model).engine.backend.memory().liveBytes).toBe(before - adapter.bytes);
  await expect(model.logits(IDS, { adapter })).rejects.toThrow('was disposed');
  await model.dispose();
});

it.each([
  ['llama-dense', 'peft/llama'],
  ['backpack-hub', 'peft/backpack'],
  ['training/llama-biases', 'peft/llama-head'],
  ['mamba-odd', 'peft/mamba'],
  ['granite-moe-v5-config', 'peft/granite-moe-experts'],
])('is the same merged and unmerged: %s', async (name, folder) => {
  const model = await load(name);
  const adapter = await model.loadAdapter(at(folder));
  const unmerged = (await model.logits(IDS, { adapter })).data as Float32Array;
  const { opened, engine } = partsOf(model);
  const file = await openAdapter(at(folder), opened);
  await mergeInto(file, engine.backend);
  await file.close();
  expect(distance((await model.logits(IDS)).data as Float32Array, unmerged)).toBeLessThan(1e-5);
  await model.dispose();
});

it('refuses to merge into packed weights', async () => {
  const model = await load('llama-dense', 'q8');
  const { opened, engine } = partsOf(model);
  const file = await openAdapter(at('peft/llama'), opened);
  await expect(mergeInto(file, engine.backend)).rejects.toThrow(/is packed/);
  await file.close();
  await model.dispose();
});
