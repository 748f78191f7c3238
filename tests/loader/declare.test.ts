/** A model declared by its config.json alone has the tensors that its checkpoints have. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { declareModel } from '../../src/loader/declare.ts';
import { openModel } from '../../src/loader/open.ts';
import { familyOf } from '../../src/models/index.ts';
import { siteShapes } from '../../src/runtime/site-shapes.ts';
import { goldenNames, readGolden } from '../goldens.ts';

const goldens = await Promise.all(
  goldenNames().map(async (name) => {
    const { folder } = await readGolden(name);
    return { name, folder, config: JSON.parse(readFileSync(`${folder}/config.json`, 'utf8')) };
  }),
);
const plain = goldens.filter(({ config }) => !config.quantization_config);

describe('a declared model', () => {
  it.each(plain)('has the names and shapes of the checkpoint: $name', async ({ folder, config }) => {
    const opened = await openModel(localFolder(folder), { onWarning: () => {} });
    const { tensors, model } = declareModel(opened.config);
    const family = familyOf(config);
    const stored = [...opened.plan.slices.keys()].map((name) => [name, opened.plan.tensors.get(name)?.shape]);
    expect(new Map(tensors.map(({ name, shape }) => [family.rename(name), shape]))).toEqual(new Map(stored as []));
    expect([...siteShapes(model).values()]).toEqual([...siteShapes(opened.model).values()]);
    await opened.checkpoint.close();
  });

  it.each(['backpack-tiny', 'granite-tiny', 'mamba-tiny', 'llama-dense'])(
    'has the names under which transformers stores them: %s',
    async (name) => {
      const { folder, config } = goldens.find((golden) => golden.name === name) as (typeof goldens)[number];
      const opened = await openModel(localFolder(folder));
      const known = [...opened.checkpoint.tensors.keys()];
      for (const { name } of declareModel(config).tensors) expect(known).toContain(name);
      await opened.checkpoint.close();
    },
  );

  it('tells how many numbers make one output', () => {
    const { config } = goldens.find(({ name }) => name === 'backpack-tiny') as (typeof goldens)[number];
    const backpack = new Map(declareModel(config).tensors.map(({ name, fanIn }) => [name, fanIn]));
    expect(backpack.get('backpack.gpt2_model.h.0.mlp.c_proj.weight')).toBe(512); // stored as [in, out]
    expect(backpack.get('backpack.sense_weight_net.c_attn.weight')).toBe(128); // stored as [out, in]
    const { config: recurrent } = goldens.find(({ name }) => name === 'mamba-tiny') as (typeof goldens)[number];
    const mamba = new Map(declareModel(recurrent).tensors.map(({ name, fanIn }) => [name, fanIn]));
    expect(mamba.get('backbone.layers.0.mixer.conv1d.weight')).toBe(4);
  });

  it('cannot be of packed weights', () => {
    const { config } = goldens.find(({ config }) => config.quantization_config) as (typeof goldens)[number];
    expect(() => declareModel(config)).toThrow('a new model begins with plain weights');
  });
});
