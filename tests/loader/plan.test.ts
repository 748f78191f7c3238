/** Laws of the loader: every tensor is accounted for by name before any memory is taken, and formats are what was asked for. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { readSafetensors, type StoredTensor, storedBytes } from '../../src/checkpoint/safetensors.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import { ternary } from '../../src/formats/ternary.ts';
import { checkWeightFormat, WEIGHT_FORMATS } from '../../src/loader/formats.ts';
import { type OpenOptions, openModel } from '../../src/loader/open.ts';
import { ternaryNormOf, ternaryScaleOf } from '../../src/loader/quantization.ts';
import type { JsonObject } from '../../src/models/config.ts';
import { bytesOfAll } from '../checkpoint/saved.ts';
import { sourceOf } from '../checkpoint/zip-writer.ts';

const root = fileURLToPath(new URL('../golden/', import.meta.url));

interface Parts {
  config: JsonObject;
  tensors: SavedTensor[];
}

/** A golden checkpoint, taken apart. */
async function partsOf(name: string): Promise<Parts> {
  const config = JSON.parse(readFileSync(`${root}${name}/config.json`, 'utf8'));
  const stored = await readSafetensors(sourceOf(new Uint8Array(readFileSync(`${root}${name}/model.safetensors`))));
  const tensors: SavedTensor[] = [];
  for (const { name, shape, dtype, byteLength, read } of stored) {
    const bytes = new Uint8Array(byteLength);
    await read(0, bytes);
    tensors.push({ name, shape, dtype, bytes: () => [bytes] });
  }
  return { config, tensors };
}

async function folderOf({ config, tensors }: Parts) {
  const weights = await bytesOfAll(safetensorsBytes(tensors));
  const json = new TextEncoder().encode(JSON.stringify(config));
  return memoryFolder(
    new Map([
      ['config.json', json],
      ['model.safetensors', weights],
    ]),
  );
}

/** What the model reads, by its own names; of many alike layers the first. */
async function readBy(parts: Parts) {
  const { plan } = await openModel(await folderOf(parts));
  const names = [...plan.slices.keys()].filter((name) => !/\.[1-9]\d*\./.test(name));
  return new Map(names.map((name) => [name, plan.tensors.get(name) as StoredTensor]));
}

const zeros = (name: string, shape: readonly number[], dtype: SavedTensor['dtype'] = 'F32'): SavedTensor => ({
  name,
  shape,
  dtype,
  bytes: () => [new Uint8Array(storedBytes(shape, dtype))],
});

const change = (parts: Parts, name: string, to: (tensor: SavedTensor) => SavedTensor[]): Parts => {
  expect(
    parts.tensors.some((tensor) => tensor.name === name),
    name,
  ).toBe(true);
  return { ...parts, tensors: parts.tensors.flatMap((tensor) => (tensor.name === name ? to(tensor) : [tensor])) };
};

async function refusal(parts: Parts, options?: OpenOptions): Promise<string> {
  const error = await openModel(await folderOf(parts), options).catch((error) => error);
  expect(error).toBeInstanceOf(CheckpointError);
  return error.message;
}

const DENSE = ['llama-dense', 'granite-tied', 'granite-moe-10', 'mamba-odd', 'backpack-hub'];

describe.each([...DENSE, 'llama-2b4t'])('%s', (name) => {
  test('without any one of its tensors is refused, and the message names it', async () => {
    const parts = await partsOf(name);
    const { plan } = await openModel(await folderOf(parts));
    for (const [model, { name }] of await readBy(parts)) {
      if (plan.copies.some(([, original]) => original.name === name)) continue; // its copy takes its place
      expect(await refusal(change(parts, name, () => []))).toContain(model);
    }
  });

  test('with any one of its tensors of another shape or type is refused, and the message names it', async () => {
    const parts = await partsOf(name);
    for (const { name, shape, dtype } of (await readBy(parts)).values()) {
      const larger = [...shape.slice(0, -1), (shape.at(-1) ?? 1) + 1];
      for (const wrong of [larger, [...shape, 1], [1, ...shape]]) {
        if (shape.length === 0 && wrong.join() === '1') continue; // a scale may be [] or [1]
        expect(await refusal(change(parts, name, () => [zeros(name, wrong, dtype)]))).toContain(name);
      }
      expect(await refusal(change(parts, name, () => [zeros(name, shape, 'I64')]))).toContain(name);
      expect(await refusal(change(parts, name, () => [zeros(name, shape, 'BOOL')]))).toContain(name);
    }
  });

  test('with a tensor too many is refused, and the message names it', async () => {
    const parts = await partsOf(name);
    const extra = zeros('something.else.weight', [3]);
    expect(await refusal({ ...parts, tensors: [...parts.tensors, extra] })).toContain('something.else.weight');
  });

  test('with any headers is opened or refused', async () => {
    const parts = await partsOf(name);
    const shape = fc.array(fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 24), { maxLength: 4 });
    const dtype = fc.constantFrom('F32' as const, 'BF16' as const, 'F64' as const, 'U8' as const, 'I8' as const);
    const edits = fc.array(
      fc.record({
        at: fc.nat(parts.tensors.length - 1),
        shape: fc.option(shape),
        dtype: fc.option(dtype),
        name: fc.option(fc.constantFrom(...parts.tensors.map((tensor) => tensor.name), 'x.weight_scale', '')),
      }),
      { minLength: 1, maxLength: 3 },
    );
    await fc.assert(
      fc.asyncProperty(edits, async (list) => {
        const tensors = new Map(parts.tensors.map((tensor) => [tensor.name, tensor]));
        for (const { at, shape, dtype, name } of list) {
          const old = parts.tensors[at] as SavedTensor;
          tensors.delete(old.name);
          const changed = zeros(name ?? old.name, shape ?? old.shape, dtype ?? old.dtype);
          tensors.set(changed.name, changed);
        }
        const folder = await folderOf({ ...parts, tensors: [...tensors.values()] });
        await openModel(folder).catch((error) => expect(error).toBeInstanceOf(CheckpointError));
      }),
      { numRuns: 40 },
    );
  });
});

describe('weight formats', () => {
  test('are those that exist', () => {
    for (const format of WEIGHT_FORMATS) expect(checkWeightFormat(format)).toBe(format);
    for (const text of ['', 'F32', 'int8', 'toString']) expect(() => checkWeightFormat(text)).toThrow(UsageError);
  });

  test.each(DENSE)('of %s: matrices are as asked for, vectors always f32', async (name) => {
    const folder = await folderOf(await partsOf(name));
    for (const weights of ['f32', 'bf16', 'f16'] as const) {
      const { plan } = await openModel(folder, { weights });
      for (const { target, kind } of [...plan.slices.values()].flat()) {
        expect(target.dtype).toBe(kind === 'vector' ? 'f32' : weights);
      }
    }
  });

  test.each(['F64', 'F32', 'F16', 'BF16'] as const)('auto keeps %s as it is stored, when it fits', async (dtype) => {
    const parts = await partsOf('llama-dense');
    const tensors = parts.tensors.map(({ name, shape }) => zeros(name, shape, dtype));
    const folder = await folderOf({ ...parts, tensors });
    const matrices = async (options?: OpenOptions) => {
      const { plan, weights } = await openModel(folder, options);
      const kept = [...plan.slices.values()].flat().filter(({ kind }) => kind !== 'vector');
      return [weights, ...new Set(kept.map(({ target }) => String(target.dtype)))];
    };
    const stored = { F64: 'f32', F32: 'f32', F16: 'f16', BF16: 'bf16' }[dtype];
    expect(await matrices()).toEqual(['auto', stored]);
    expect(await matrices({ memoryBytes: 10 })).toEqual(['q4', 'q4']);
  });

  test('what a format takes is what it would take if it were chosen', async () => {
    const folder = await folderOf(await partsOf('granite-moe-10'));
    const opened = await openModel(folder);
    for (const weights of ['f32', 'bf16', 'f16'] as const)
      expect(opened.bytesIn(weights)).toBe((await openModel(folder, { weights })).plan.bytes);
  });
});

describe('ternary layers', () => {
  const SCALE = 'model.layers.0.self_attn.q_proj.weight_scale';
  const WEIGHT = 'model.layers.0.self_attn.q_proj.weight';

  test('stay ternary in every format', async () => {
    const folder = await folderOf(await partsOf('llama-2b4t'));
    for (const weights of WEIGHT_FORMATS) {
      const { plan } = await openModel(folder, { weights });
      expect(plan.slices.get(WEIGHT)?.[0]?.target.dtype).toBe(ternary);
    }
  });

  test('of which only some are packed, or that lack their scale, are refused by name', async () => {
    const parts = await partsOf('llama-2b4t');
    const packed = parts.tensors.find(({ name }) => name === WEIGHT) as SavedTensor;
    const [rows = 0, columns = 0] = packed.shape;
    const mixed = change(parts, WEIGHT, () => [zeros(WEIGHT, [4 * rows, columns])]);
    expect(await refusal(mixed)).toContain('self_attn.q_proj');
    expect(await refusal(change(mixed, SCALE, () => []))).toContain('self_attn.q_proj');
    expect(await refusal(change(parts, SCALE, () => []))).toContain('self_attn.q_proj');
    for (const shape of [[2], [1, 1], [4 * rows]])
      expect(await refusal(change(parts, SCALE, () => [zeros(SCALE, shape)]))).toContain(SCALE);
    expect(await refusal(change(parts, WEIGHT, () => [zeros(WEIGHT, [4 * rows, columns], 'U8')]))).toContain(WEIGHT);
    expect(await refusal(change(parts, SCALE, () => [zeros(SCALE, [1], 'U8')]))).toContain(SCALE);
  });

  test.each<[unknown, 'divide' | 'multiply']>([
    [undefined, 'divide'],
    [null, 'divide'],
    [{}, 'divide'],
    [{ quant_method: 'bitnet', linear_class: 'bitlinear', quantization_mode: 'offline' }, 'divide'],
    [{ quant_method: 'bitnet', linear_class: 'autobitlinear' }, 'multiply'],
    [{ quant_method: 'bitnet', quantization_mode: 'online' }, 'divide'], // a mode of the other class
  ])('with quantization_config %j %s by their scale', (quantization_config, meaning) => {
    expect(ternaryScaleOf({ quantization_config })).toBe(meaning);
  });

  test.each<[unknown, string]>([
    ['bitnet', 'quantization_config'],
    [7, 'quantization_config'],
    [['bitnet'], 'quantization_config'],
    [{ quant_method: 'gptq' }, 'gptq'],
    [{ quant_method: ['bitnet'] }, 'bitnet'],
    [{ quantization_mode: 'at once' }, 'at once'],
    [{ linear_class: 'other' }, 'other'],
    [{ linear_class: { toString: 1 } }, 'linear_class'],
  ])('with quantization_config %j are refused', (quantization_config, wanted) => {
    expect(() => ternaryScaleOf({ quantization_config })).toThrow(CheckpointError);
    expect(() => ternaryScaleOf({ quantization_config })).toThrow(wanted);
  });
});

test.each<[unknown, number | undefined]>([
  [undefined, undefined],
  [{ use_rms_norm: null }, undefined],
  [{ use_rms_norm: false, rms_norm_eps: 'x' }, undefined],
  [{ use_rms_norm: true }, 1e-6],
  [{ use_rms_norm: true, rms_norm_eps: 0.01 }, 0.01],
])('with quantization_config %j the norm of a ternary input has epsilon %j', (quantization_config, eps) => {
  expect(ternaryNormOf({ quantization_config })).toBe(eps);
});

test.each([
  { use_rms_norm: 'yes' },
  { use_rms_norm: true, rms_norm_eps: -1 },
  { use_rms_norm: true, rms_norm_eps: [] },
])('quantization_config %j is refused', (quantization_config) => {
  expect(() => ternaryNormOf({ quantization_config })).toThrow(CheckpointError);
  expect(() => ternaryNormOf({ quantization_config })).toThrow(/use_rms_norm .* and rms_norm_eps/);
});

describe('two names of one tensor', () => {
  test('are refused, with both', async () => {
    const parts = await partsOf('mamba-odd');
    const [norm] = parts.tensors.filter(({ name }) => name.endsWith('norm_f.weight')) as [SavedTensor];
    const other = norm.name.startsWith('backbone.') ? 'norm_f.weight' : 'backbone.norm_f.weight';
    const message = await refusal({ ...parts, tensors: [...parts.tensors, { ...norm, name: other }] });
    expect(message).toContain(`'${norm.name}'`);
    expect(message).toContain(`'${other}'`);
  });

  test('where one is a copy: either will do, and a head that differs is used and warned of', async () => {
    const parts = await partsOf('granite-tied');
    const EMBED = 'model.embed_tokens.weight';
    const embed = parts.tensors.find(({ name }) => name === EMBED) as SavedTensor;
    const copy = { ...embed, name: 'lm_head.weight' };
    const others = parts.tensors.filter(({ name }) => name !== EMBED && name !== copy.name);
    const warningsOf = async (tensors: SavedTensor[]) => {
      const warnings: string[] = [];
      const onWarning = (text: string) => void warnings.push(text);
      const opened = await openModel(await folderOf({ ...parts, tensors }), { onWarning });
      const model = await Model.load(opened, createReferenceBackend(), { onWarning });
      const completion = await model.complete([1, 2, 3], { maxNewTokens: 4, ignoreEnd: true });
      await model.dispose();
      return { ids: completion.ids, warnings };
    };
    const alone = await warningsOf([...others, embed]);
    expect(alone.warnings).toEqual([]);
    expect(await warningsOf([...others, copy])).toEqual(alone);
    expect(await warningsOf([...others, embed, copy])).toEqual(alone);
    const odd = await warningsOf([...others, embed, zeros(copy.name, embed.shape)]);
    expect(odd.ids).not.toEqual(alone.ids);
    expect(odd.warnings.join()).toMatch(/lm_head\.weight.*model\.embed_tokens\.weight/);
  });
});
