/** The memory of a run as it is told beforehand is that of the WebAssembly memories when it has run, within a tenth. */
import { expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { fromPretrained, openPretrained, planOf, type TrainingOptions, trainingConfig } from '../../src/node.ts';
import { newModel } from '../../src/training/initialize/new-model.ts';
import { folderOf } from './saved-folder.ts';

/** Bytes of all WebAssembly memories after a step. */
async function bytesOfStep(load: () => Promise<Model>, config: Omit<TrainingOptions, 'model'>): Promise<number> {
  const memories: WebAssembly.Memory[] = [];
  const { Memory } = WebAssembly;
  WebAssembly.Memory = new Proxy(Memory, {
    construct(target, args: [WebAssembly.MemoryDescriptor]) {
      const memory = new target(...args);
      memories.push(memory);
      return memory;
    },
  });
  try {
    const model = await load();
    const trainer = await model.trainer(config);
    await trainer.next();
    const bytes = memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    trainer.dispose();
    await model.dispose();
    return bytes;
  } finally {
    WebAssembly.Memory = Memory;
  }
}

function expectWithinTenth(bytes: number, stated: number): void {
  expect(bytes / stated).toBeGreaterThan(0.92);
  expect(bytes / stated).toBeLessThan(1.1);
}

const idsBelow = (vocabulary: number) =>
  Array.from({ length: 8 }, (_, b) => Array.from({ length: 97 }, (_, i) => (b * 131 + i * 7) % vocabulary));

it.each([
  ['granite-tiny', false],
  ['granite-tiny', true],
  ['mamba-tiny', false],
  ['mamba-tiny', true],
  ['backpack-tiny', true],
])('%s, recompute %s', async (name, recompute) => {
  const data = { ids: idsBelow(1000) };
  const config = { data, batch: 8, steps: 1, recompute, optimizer: { name: 'adamw', lr: 1e-3 } } as const;
  const opened = await openPretrained(name);
  const { memory } = planOf(trainingConfig({ model: name, ...config }), { model: opened.config });
  await opened.checkpoint.close();
  const load = () => fromPretrained(name, { weights: 'f32', threads: 1 });
  expectWithinTenth(await bytesOfStep(load, config), memory.total);
});

const LLAMA = {
  ...{ model_type: 'llama', hidden_size: 96, num_hidden_layers: 3, num_attention_heads: 6, num_key_value_heads: 3 },
  ...{ intermediate_size: 256, vocab_size: 256, max_position_embeddings: 128, rms_norm_eps: 1e-5, rope_theta: 10000 },
};

it.each([false, true])('maps that are rounded, inner norms %s', async (innerNorm) => {
  const rules = [{ tensors: ['*'], values: 'normal', std: 0.1, scale: 1 }] as const;
  const config: Omit<TrainingOptions, 'model'> = {
    ...{ data: { ids: idsBelow(256) }, batch: 8, steps: 1, innerNorm, lambda: { name: 'constant' } },
    optimizer: { name: 'adamw', lr: 1e-3 },
  };
  const { memory } = planOf(trainingConfig({ ...config, initialize: { config: LLAMA, rules: [] } }), { model: LLAMA });
  const { files } = newModel({ config: LLAMA, rules: [...rules], seed: 1, innerNorm });
  const folder = await folderOf(files);
  const load = async () =>
    Model.load(
      await openModel(folder, { weights: 'f32', roundsLinears: true }),
      await createWasmBackend({ platform: nodePlatform, threads: 1 }),
    );
  expectWithinTenth(await bytesOfStep(load, config), memory.total);
});
