/** Synthetic checkpoints have the published tensors and files, and open, load and generate like the real ones. */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PUBLISHED, type Published, tensorsOf } from '../../bench/published.ts';
import { shardsOf, sumBytes, writeSynthetic } from '../../bench/synthetic.ts';
import { Model } from '../../src/api/model.ts';
import { UsageError } from '../../src/base/errors.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import type { JsonObject } from '../../src/models/config.ts';
import { backends } from '../backends.ts';

const of = (name: string) => PUBLISHED.get(name) as Published;
const specsOf = (name: string) => tensorsOf(of(name), of(name).config);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synthetic-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('at full size', () => {
  // Tensors, numbers and bytes as published, or counted on the real architecture by transformers on its meta device.
  test.each([
    ['levanter-backpack-1b', 454, 1_416_737_216, 4 * 1_416_737_216],
    ['Llama3-8B-1.58-100B-tokens', 515, 2_795_770_080, 3_846_709_696],
    ['mamba-7b-rw', 643, 7_153_127_424, 4 * 7_153_127_424],
    ['granite-3.1-1b-a400m-base', 218, 1_334_625_280, 2_669_250_560],
    ['granite-3.1-3b-a800m-base', 290, 3_298_788_864, 6_597_577_728],
    ['granite-3.1-2b-base', 362, 2_533_525_504, 2 * 2_533_525_504],
    ['granite-3.1-8b-base', 362, 8_170_835_968, 2 * 8_170_835_968],
  ])('%s has %i tensors of %i numbers', (name, count, numbers, bytes) => {
    const tensors = specsOf(name);
    expect(new Set(tensors.map((tensor) => tensor.name)).size).toBe(count);
    expect(tensors.reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0)).toBe(numbers);
    expect(sumBytes(tensors)).toBe(bytes);
  });

  test('backpack-gpt2 has 170083584 numbers beside copies and masks', () => {
    const weights = specsOf('backpack-gpt2').filter(
      ({ copyOf, name }) => !copyOf && !/\.attn\.(masked_)?bias$/.test(name),
    );
    expect(weights.length).toBe(164);
    expect(weights.reduce((sum, { shape }) => sum + shape.reduce((n, d) => n * d, 1), 0)).toBe(170_083_584);
  });

  test.each([
    ['granite-3.1-1b-a400m-base', [1.99e9, 676e6]],
    ['granite-3.1-3b-a800m-base', [5e9, 1.6e9]],
    ['granite-3.1-2b-base', [5e9, 67.1e6]],
    ['granite-3.1-8b-base', [4.97e9, 4.99e9, 4.97e9, 1.41e9]],
  ])('%s has files of the published sizes', (name, sizes) => {
    const shards = shardsOf(specsOf(name), of(name).shardBytes as number);
    expect(shards.map((shard) => Number(sumBytes(shard).toPrecision(3)))).toEqual(sizes);
  });

  test('the largest is written at once and takes little of the disk', () => {
    writeSynthetic(of('mamba-7b-rw'), folder);
    const { size, blocks } = statSync(join(folder, 'model.safetensors'));
    expect(size).toBeGreaterThan(28.6e9);
    expect(blocks * 512).toBeLessThan(100e6);
  });
});

const SMALL_DECODER = {
  hidden_size: 64,
  intermediate_size: 32,
  num_attention_heads: 8,
  num_hidden_layers: 1,
  vocab_size: 96,
};
const SMALL_BACKPACK = { n_embd: 48, n_head: 4, n_layer: 1, n_positions: 16, num_senses: 5, vocab_size: 40 };
const SMALL: Readonly<Record<string, JsonObject>> = {
  'backpack-gpt2': SMALL_BACKPACK,
  'levanter-backpack-1b': SMALL_BACKPACK,
  'Llama3-8B-1.58-100B-tokens': SMALL_DECODER,
  'mamba-7b-rw': { hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, time_step_rank: 2, vocab_size: 48 },
  'granite-3.1-1b-a400m-base': { ...SMALL_DECODER, num_local_experts: 12 },
  'granite-3.1-3b-a800m-base': { ...SMALL_DECODER, num_local_experts: 10 },
  'granite-3.1-2b-base': SMALL_DECODER,
  'granite-3.1-8b-base': SMALL_DECODER,
};

describe('with one small layer', () => {
  test.each([...PUBLISHED])('%s opens: every tensor is there and none is left over', async (name, published) => {
    for (const dense of [false, true]) {
      const path = join(folder, dense ? 'dense' : 'sparse');
      writeSynthetic(published, path, { dense, config: SMALL[name] as JsonObject, shardBytes: 20_000 });
      const opened = await openModel(localFolder(path));
      expect(opened.model.facts.nLayers).toBe(1);
      expect(opened.endIds.size).toBeGreaterThan(0);
      expect(readdirSync(path).filter((file) => file.endsWith('.safetensors')).length > 1).toBe(
        published.shardBytes !== undefined,
      );
      await opened.checkpoint.close();
    }
  });

  test.each([...PUBLISHED])('%s generates from finite logits', async (name, published) => {
    const [, createBackend] = backends[0] as (typeof backends)[number];
    for (const dense of [false, true]) {
      const path = join(folder, dense ? 'dense' : 'sparse');
      writeSynthetic(published, path, { dense, config: SMALL[name] as JsonObject });
      const warnings: string[] = [];
      const onWarning = (message: string) => void warnings.push(message);
      await using model = await Model.load(await openModel(localFolder(path)), await createBackend(), { onWarning });
      const { ids, logprobs } = await model.complete([3, 1, 2], {
        maxNewTokens: 4,
        temperature: 1,
        seed: 1,
        ignoreEnd: true,
      });
      expect(ids.length).toBe(4);
      expect(logprobs.every(Number.isFinite)).toBe(true);
      expect(warnings).toEqual([]);
    }
  });

  test('logits are finite where most of a matrix is zeros, too', async () => {
    const wide = { ...SMALL_DECODER, hidden_size: 1024, intermediate_size: 512 };
    const state = { hidden_size: 256, intermediate_size: 512, num_hidden_layers: 1, vocab_size: 48 };
    const [, createBackend] = backends[0] as (typeof backends)[number];
    for (const [name, config] of [
      ['Llama3-8B-1.58-100B-tokens', wide],
      ['mamba-7b-rw', state],
      ['granite-3.1-2b-base', wide],
    ] as const) {
      const path = join(folder, name);
      writeSynthetic(of(name), path, { config });
      await using model = await Model.load(await openModel(localFolder(path)), await createBackend());
      const { logprobs } = await model.complete([3, 1, 2], { maxNewTokens: 2, ignoreEnd: true });
      expect(logprobs.length === 2 && logprobs.every(Number.isFinite)).toBe(true);
    }
  });

  test('copies have the numbers of their originals', async () => {
    for (const [name, published] of PUBLISHED) {
      const path = join(folder, name);
      const config = { ...published.config, ...SMALL[name] };
      writeSynthetic(published, path, { dense: true, config });
      const { checkpoint } = await openModel(localFolder(path));
      const bytes = async (tensor: string) => {
        const stored = checkpoint.tensors.get(tensor);
        const into = new Uint8Array(stored?.byteLength ?? 0);
        await stored?.read(0, into);
        return into;
      };
      for (const { name: copy, copyOf } of tensorsOf(published, config)) {
        if (!copyOf) continue;
        expect(await bytes(copy)).toEqual(await bytes(copyOf));
        expect((await bytes(copy)).some((byte) => byte !== 0)).toBe(true);
      }
      await checkpoint.close();
    }
  });

  test('a folder with something in it is left alone', () => {
    writeSynthetic(of('mamba-7b-rw'), folder, { config: SMALL['mamba-7b-rw'] as JsonObject });
    expect(() => writeSynthetic(of('mamba-7b-rw'), folder)).toThrow(UsageError);
  });
});
