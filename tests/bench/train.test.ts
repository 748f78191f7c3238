/** Training is measured as it runs: products are counted of the ops, and a small shape gives times, a loss and a share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { someIds } from '../../bench/measure.ts';
import { writeSynthetic } from '../../bench/synthetic.ts';
import { measureTraining } from '../../bench/train/ours.ts';
import { TRAIN_SHAPES, type TrainShape } from '../../bench/train/shapes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'train-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function measured(name: string, config: Record<string, number>) {
  const { published, ...shape } = TRAIN_SHAPES.get(name) as TrainShape;
  const path = join(folder, 'model');
  const all = { ...published.config, ...config };
  writeSynthetic(published, path, { config: all });
  const ids = [someIds(9, all.vocab_size as number)];
  return measureTraining({ ...shape, folder: path, rows: 1, tokens: 8, ids, threads: 1, repeats: 1 });
}

const LLAMA = {
  hidden_size: 32,
  intermediate_size: 48,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  num_hidden_layers: 1,
  vocab_size: 96,
};
const PRODUCTS = 8 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 48 + 96 * 32);

test('a step of a Llama has twice as many products backward as forward', async () => {
  const { products, firstLoss, ...times } = await measured('gpt', LLAMA);
  expect(products).toEqual({ forward: PRODUCTS, gradients: 3 * PRODUCTS });
  expect(firstLoss).toBeCloseTo(Math.log(96), 1);
  for (const part of ['forward', 'gradients', 'update', 'peak'] as const) {
    expect(times[part]).toHaveLength(1);
    expect(times[part][0]).toBeGreaterThan(0);
  }
});

test('an adapter has products for the inputs of frozen weights, and few of its own', async () => {
  const experts = { num_local_experts: 4, num_experts_per_tok: 2, intermediate_size: 32, num_attention_heads: 2 };
  const { products } = await measured('granite-1b-lora', { ...LLAMA, ...experts });
  const adapter = 8 * 8 * (3 * 2 * 32 + (32 + 16)); // rank 8 on q, k, v, o
  expect(products.forward).toBeGreaterThan(adapter);
  expect(products.gradients / products.forward).toBeGreaterThan(1.5);
  expect(products.gradients / products.forward).toBeLessThan(2.5);
});

test('every shape has a checkpoint that can be written, with its own sizes', () => {
  for (const [name, { published, gpt }] of TRAIN_SHAPES) {
    const small = { num_hidden_layers: 1, n_layer: 1 };
    const own = Object.fromEntries(Object.entries(small).filter(([key]) => key in published.config));
    expect(Object.keys(own), name).not.toEqual([]);
    if (gpt) expect(published.config).toMatchObject({ hidden_size: gpt.width, vocab_size: gpt.vocabulary });
  }
});
