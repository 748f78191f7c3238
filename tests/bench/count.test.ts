/** What a token costs, counted from the plan of a model: the products are those that run, the bytes those of an example done by hand. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bytesPerToken } from '../../bench/bytes-per-token.ts';
import { someIds } from '../../bench/measure.ts';
import { multiplyAddsOf } from '../../bench/multiply-adds.ts';
import { PUBLISHED, type Published } from '../../bench/published.ts';
import { SHAPES, shapeNamed } from '../../bench/shapes.ts';
import { writeSynthetic } from '../../bench/synthetic.ts';
import { Model, partsOf } from '../../src/api/model.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { UsageError } from '../../src/base/errors.ts';
import { size, type Tensor } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { matrixFormat } from '../../src/formats/index.ts';
import { ternary } from '../../src/formats/ternary.ts';
import type { WeightFormat } from '../../src/loader/formats.ts';
import { openModel } from '../../src/loader/open.ts';
import type { Op } from '../../src/ops/op.ts';
import { goldenNames, readGolden } from '../goldens.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'count-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function opened(name: string, config: Published['config'], weights: WeightFormat) {
  const path = join(folder, weights);
  writeSynthetic(PUBLISHED.get(name) as Published, path, { config });
  const model = await openModel(localFolder(path), { weights });
  await model.checkpoint.close();
  return model;
}

const SMALL = {
  hidden_size: 64,
  intermediate_size: 32,
  num_attention_heads: 8,
  num_hidden_layers: 1,
  vocab_size: 96,
};

describe('one block of width 64, a vocabulary of 96', () => {
  test('12 experts of width 32, of which 8 work', async () => {
    const attention = 4 * 64 * 64;
    const router = 12 * 64;
    const experts = 8 * (64 * 64 + 64 * 32);
    for (const [weights, blockBytes] of [
      ['q8', 8 * (2 + 32)], // 8 rows of 32 columns, each row with a scale
      ['q4', 8 * (2 + 16)],
    ] as const) {
      const model = await opened('granite-3.1-1b-a400m-base', { ...SMALL, num_local_experts: 12 }, weights);
      const dtype = matrixFormat(weights);
      expect(multiplyAddsOf(model)).toEqual({ perToken: attention + router + experts, head: 96 * 64, dtype });
      const blocks = (attention + experts + 96 * 64) / (8 * 32);
      expect(bytesPerToken(model)).toBe(blocks * blockBytes + 4 * (router + 3 * 64)); // three norms
    }
  });

  test('ternary projections, and a head of its own', async () => {
    const matrices = 4 * 64 * 64 + 3 * 64 * 32;
    const small = 4 * (3 * 64 + 7); // three norms, seven scales
    const products = { perToken: matrices, head: 96 * 64, dtype: ternary };
    const stored = await opened('Llama3-8B-1.58-100B-tokens', SMALL, 'auto');
    expect(multiplyAddsOf(stored)).toEqual(products);
    expect(bytesPerToken(stored)).toBe(matrices / 4 + small + 2 * 96 * 64);
    const packed = await opened('Llama3-8B-1.58-100B-tokens', SMALL, 'ternary');
    expect(multiplyAddsOf(packed)).toEqual(products);
    expect(bytesPerToken(packed)).toBe(matrices / 4 + small + ((96 * 64) / 256) * 8 * 34);
  });

  test('a trunk, senses, and positions that are only looked up', async () => {
    const d = 64;
    const shape = { n_embd: d, n_head: 4, n_layer: 1, n_positions: 16, num_senses: 5, vocab_size: 96 };
    const model = await opened('backpack-gpt2', shape, 'f32');
    const inner = 4 * d; // of the trunk, and of both layers of the senses
    const trunk = 4 * d * d + 2 * d * inner;
    const senses = 2 * d * inner + d * inner + inner * 5 * d + 2 * 5 * 12 * d; // with queries and keys of width 12
    const biases = 4 * d + inner + d + (inner + d) + (inner + 5 * d) + 2 * 5 * 12;
    const norms = 2 * d * (2 + 1 + 3);
    expect(multiplyAddsOf(model)).toEqual({ perToken: trunk + senses, head: 96 * d, dtype: 'f32' });
    expect(bytesPerToken(model)).toBe(4 * (trunk + senses + biases + norms + 96 * d));
  });
});

/** Multiply-adds of the products of x with weights. */
function productsOf({ name }: Op<never>, inputs: readonly Tensor[], attrs: unknown): number {
  const [x, second] = inputs;
  const tokens = x?.shape[0] ?? 0;
  const { count = 0 } = (attrs ?? {}) as { count?: number };
  if (name === 'linear') return tokens * inputs.slice(1, 1 + count).reduce((sum, w) => sum + size(w.shape), 0);
  if (name === 'linearTernary') return tokens * inputs.slice(2, 2 + count).reduce((sum, w) => sum + size(w.shape), 0);
  if (name !== 'expertOutputs' || !second) return 0; // what the reference backend makes of `experts`
  return size(second.shape) * inputs.slice(2, 4).reduce((sum, w) => sum + size(w.shape.slice(1)), 0);
}

test.each(goldenNames())('%s: the multiply-adds of a prompt are those of the ops that run', async (name) => {
  const { folder: path } = await readGolden(name);
  const backend = createReferenceBackend();
  let products = 0;
  const counting = new Proxy(backend, {
    get(target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      if (key !== 'run') return value.bind(target);
      return (...args: Parameters<Backend['run']>) => {
        products += productsOf(args[0], args[1], args[3]);
        return target.run(...args);
      };
    },
  });
  await using model = await Model.load(await openModel(localFolder(path)), counting);
  const some = someIds(5, model.facts.vocabSize);
  products = 0;
  await partsOf(model).engine.read([{ ids: some, state: model.newState() }]);
  const { perToken, head } = multiplyAddsOf(partsOf(model).opened);
  expect(perToken * some.length + head).toBe(products);
});

test('ids are all different and those of the model, as long as there are enough', () => {
  for (const vocabSize of [1, 2, 3, 51, 96, 256, 50264]) {
    const ids = someIds(vocabSize, vocabSize);
    expect(new Set(ids).size).toBe(vocabSize);
    expect([Math.min(...ids), Math.max(...ids)]).toEqual([0, vocabSize - 1]);
    expect(someIds(vocabSize + 1, vocabSize).at(-1)).toBe(ids[0]);
  }
});

test('shapes have names with and without what base models end in, and a wrong name is told all of them', () => {
  expect(shapeNamed('granite-3.1-1b-a400m')).toBe(SHAPES.get('granite-3.1-1b-a400m-base'));
  expect(shapeNamed('mamba-0.7b').config).toMatchObject({ model_type: 'mamba', hidden_size: 2048 });
  for (const name of SHAPES.keys()) expect(shapeNamed(name)).toBe(SHAPES.get(name));
  expect(() => shapeNamed('granite')).toThrow(UsageError);
  expect(() => shapeNamed('granite')).toThrow('mamba-7b-rw');
});
