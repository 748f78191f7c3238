/** Laws of ternary weights that a checkpoint stores as numbers: masters that are rounded, and codes that were unpacked. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { CheckpointError } from '../../src/base/errors.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { readSafetensors, type StoredTensor } from '../../src/checkpoint/safetensors.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { ternary } from '../../src/formats/ternary.ts';
import { describe as describeModel } from '../../src/loader/describe.ts';
import { openModel } from '../../src/loader/open.ts';
import { packTernary } from '../../src/loader/pack-ternary.ts';
import type { Pending } from '../../src/loader/plan.ts';
import { unpackedOf } from '../../src/loader/quantization.ts';
import type { JsonObject } from '../../src/models/config.ts';
import { saveModel } from '../../src/node.ts';
import { bytesOfAll } from '../checkpoint/saved.ts';

/** A golden's checkpoint, or another, in memory. */
function folderIn(path: string) {
  const names = ['config.json', 'model.safetensors'];
  return memoryFolder(new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(path, name)))])));
}

const goldenPath = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const golden = (name: string) => folderIn(goldenPath(name));

async function storedIn(name: string): Promise<StoredTensor[]> {
  return readSafetensors((await golden(name).open('model.safetensors')) as Source);
}

const bytesIn = async ({ byteLength, read }: StoredTensor) => {
  const bytes = new Uint8Array(byteLength);
  await read(0, bytes);
  return bytes;
};

const configOf = (name: string) => JSON.parse(readFileSync(`${goldenPath(name)}/config.json`, 'utf8')) as JsonObject;

async function folderOf(config: JsonObject, tensors: readonly SavedTensor[]) {
  const json = new TextEncoder().encode(JSON.stringify(config));
  const weights = await bytesOfAll(safetensorsBytes(tensors));
  return memoryFolder(
    new Map([
      ['config.json', json],
      ['model.safetensors', weights],
    ]),
  );
}

/** Packs W [N, J]; -> codes as rows of numbers, and the scale. */
async function pack(rows: readonly (readonly number[])[], from: 'masters' | 'codes') {
  const backend = createReferenceBackend();
  const columns = (rows[0] as number[]).length;
  const bytes = new Uint8Array(Float32Array.from(rows.flat()).buffer);
  const { place, offset } = backend.allocate([rows.length, columns], ternary);
  const codes: Pending = { shape: [rows.length, columns], dtype: ternary, place, offset };
  const scale: Pending = { ...backend.allocate([1], 'f32') };
  const read = async (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.length));
  const shape = codes.shape as number[];
  const stored: StoredTensor = { name: 'w', shape, dtype: 'F32', file: 'f', byteLength: bytes.length, read };
  const options = { backend, buffer: new Uint8Array(bytes.length + 3), signal: undefined, onBytes: () => {} };
  await packTernary(stored, 'f32', { from, codes, scale: from === 'masters' ? scale : undefined }, options);
  const packedRows = Math.ceil(rows.length / 4);
  const packed = await backend.read({ ...codes, shape: [packedRows * columns], dtype: 'u8' });
  const codeAt = (row: number, column: number) =>
    (((packed[(row % packedRows) * columns + column] as number) >> (2 * Math.floor(row / packedRows))) & 3) - 1;
  return {
    codes: rows.map((row, i) => row.map((_, j) => codeAt(i, j))),
    scale: (await backend.read(scale))[0] as number,
  };
}

const matrix = (entry: fc.Arbitrary<number>) =>
  fc
    .tuple(fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 9 }))
    .chain(([n, j]) => fc.array(fc.array(entry, { minLength: j, maxLength: j }), { minLength: n, maxLength: n }));

const EMPTY = 0; // JSON and codes know no -0

describe('masters', () => {
  test('become -1, 0 or 1 times their mean size, by rounding; halves to zero', async () => {
    await fc.assert(
      fc.asyncProperty(matrix(fc.float({ min: -4, max: 4, noNaN: true })), async (rows) => {
        const { codes, scale } = await pack(rows, 'masters');
        const mean = Math.max(rows.flat().reduce((sum, w) => sum + Math.abs(w), 0) / rows.flat().length, 1e-5);
        expect(Math.abs(scale / mean - 1)).toBeLessThan(1e-6);
        rows.forEach((row, i) => {
          row.forEach((w, j) => {
            const x = w / mean;
            if (Math.abs(Math.abs(x) - 0.5) < 1e-5) return; // the last bit of the mean decides
            expect(codes[i]?.[j]).toBe(Math.abs(x) < 0.5 ? EMPTY : Math.sign(x));
          });
        });
      }),
      { numRuns: 60 },
    );
    expect((await pack([[1, -1, 0.5, -0.5, 2, 1]], 'masters')).codes).toEqual([[1, -1, 0, 0, 1, 1]]);
  });

  test('that are all zero have the least scale that the reference divides by', async () => {
    const { codes, scale } = await pack([[0, 0]], 'masters');
    expect(codes).toEqual([[0, 0]]);
    expect(scale).toBeCloseTo(1e-5, 11);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('that hold %s are refused', async (bad) => {
    await expect(pack([[1, bad]], 'masters')).rejects.toThrow(/'w' holds numbers that are not finite/);
  });

  test('take the memory of packed weights, and one stored matrix while they load', async () => {
    const [masters, packed] = [await openModel(golden('llama-online')), await packedModel()];
    expect(masters.plan.bytes).toBe(packed.plan.bytes);
    const largest = Math.max(
      ...[...masters.plan.packings.keys()].map((k) => masters.plan.tensors.get(k)?.byteLength ?? 0),
    );
    expect(largest).toBeGreaterThan(0);
    const peak = (opened: typeof masters) => describeModel(opened).peakBytes.auto as number;
    expect(peak(masters) - peak(packed)).toBe(largest);
    expect(masters.formats).toContain('ternary');
  });

  test('stay as they are in layers that the configuration keeps', async () => {
    const config = configOf('llama-online');
    const quantization = config.quantization_config as JsonObject;
    const modules_to_not_convert = ['lm_head', 'model.layers.0.mlp'];
    const folder = golden('llama-online');
    const { plan } = await openModel(folder, {
      config: { quantization_config: { ...quantization, modules_to_not_convert } },
    });
    expect(plan.packings.has('model.layers.0.mlp.up_proj.weight')).toBe(false);
    expect(plan.packings.has('model.layers.0.self_attn.q_proj.weight')).toBe(true);
    expect(plan.packings.has('model.layers.1.mlp.up_proj.weight')).toBe(true);
  });
});

/** llama-online, as it is after it was saved. */
async function packedModel() {
  const parent = mkdtempSync(join(tmpdir(), 'portmanteau-'));
  try {
    const model = await Model.load(await openModel(golden('llama-online')), createReferenceBackend());
    await saveModel(model, join(parent, 'saved'));
    await model.dispose();
    return openModel(folderIn(join(parent, 'saved')));
  } finally {
    rmSync(parent, { recursive: true });
  }
}

test('a saved model is packed, and says so', async () => {
  const { config, plan } = await packedModel();
  expect(config.quantization_config).toEqual({
    ...(configOf('llama-online').quantization_config as JsonObject),
    quantization_mode: 'offline',
  });
  expect(plan.packings.size).toBe(0);
  expect(plan.tensors.get('model.layers.0.self_attn.q_proj.weight')?.dtype).toBe('U8');
});

describe('codes that transformers has unpacked', () => {
  /** llama-2b4t with its packed weights as numbers. */
  async function unpacked(spoil = (code: number) => code) {
    const tensors: SavedTensor[] = [];
    for (const stored of await storedIn('llama-2b4t')) {
      const bytes = await bytesIn(stored);
      const { name, shape, dtype } = stored;
      if (dtype !== 'U8') tensors.push({ name, shape, dtype, bytes: () => [bytes] });
      else {
        const floats = new Float32Array(4 * bytes.length);
        for (const quarter of [0, 1, 2, 3])
          bytes.forEach((byte, i) => {
            floats[quarter * bytes.length + i] = spoil(((byte >> (2 * quarter)) & 3) - 1);
          });
        const whole = [4 * (shape[0] as number), shape[1] as number];
        tensors.push({ name, shape: whole, dtype: 'F32', bytes: () => [new Uint8Array(floats.buffer)] });
      }
    }
    return tensors;
  }
  const logitsOf = async (opened: Awaited<ReturnType<typeof openModel>>) => {
    const model = await Model.load(opened, createReferenceBackend());
    const { data } = await model.logits([3, 1, 4, 1, 5]);
    await model.dispose();
    return data;
  };

  test('give the numbers of the packed ones', async () => {
    const packed = await logitsOf(await openModel(golden('llama-2b4t')));
    const loose = await logitsOf(await openModel(await folderOf(configOf('llama-2b4t'), await unpacked())));
    expect(loose).toEqual(packed);
  });

  test('are refused when they are others than -1, 0 and 1', async () => {
    const tensors = await unpacked((code) => code * 0.75);
    const opened = await openModel(await folderOf(configOf('llama-2b4t'), tensors));
    await expect(Model.load(opened, createReferenceBackend())).rejects.toThrow(/wanted -1, 0 and 1 only/);
  });

  test('are refused where the configuration means packed ones only', async () => {
    const folder = await folderOf({ ...configOf('llama-2b4t'), quantization_config: { quant_method: 'bitnet' } }, [
      ...(await unpacked()),
    ]);
    await expect(openModel(folder)).rejects.toThrow(CheckpointError);
    await expect(openModel(folder)).rejects.toThrow(
      /q_proj.weight' is F32, but quantization_config.*remove quantization_config/,
    );
  });
});

test.each<[unknown, string, string | undefined]>([
  [undefined, 'model.layers.0.mlp.up_proj', undefined],
  [{}, 'model.layers.0.mlp.up_proj', undefined],
  [{ quant_method: 'portmanteau' }, 'model.layers.0.mlp.up_proj', undefined],
  [{ quant_method: 'bitnet' }, 'model.layers.0.mlp.up_proj', 'foreign'],
  [{ linear_class: 'autobitlinear' }, 'model.layers.0.mlp.up_proj', 'codes'],
  [{ linear_class: 'autobitlinear', quantization_mode: 'online' }, 'model.layers.0.mlp.up_proj', 'masters'],
  [{ quant_method: 'bitnet', modules_to_not_convert: ['up_proj'] }, 'model.layers.0.mlp.up_proj', undefined],
  [{ quant_method: 'bitnet', modules_to_not_convert: ['model.layers.0'] }, 'model.layers.0.mlp.up_proj', undefined],
  [{ quant_method: 'bitnet', modules_to_not_convert: ['model.*mlp'] }, 'model.layers.0.mlp.up_proj', undefined],
  [{ quant_method: 'bitnet', modules_to_not_convert: ['mlp'] }, 'model.layers.0.mlp.up_proj', 'foreign'],
])('with quantization_config %j the unpacked weight of %s is %s', (quantization_config, layer, use) => {
  expect(unpackedOf({ quantization_config })(layer)).toBe(use);
});

test.each<[JsonObject, RegExp]>([
  [{ modules_to_not_convert: 'lm_head' }, /modules_to_not_convert is "lm_head", wanted a list/],
  [{ modules_to_not_convert: [7] }, /modules_to_not_convert/],
  [
    { linear_class: 'autobitlinear', quantization_mode: 'online', modules_to_not_convert: [] },
    /wanted 'lm_head' among them/,
  ],
])('quantization_config %j is refused', (quantization_config, message) => {
  expect(() => unpackedOf({ quantization_config })).toThrow(CheckpointError);
  expect(() => unpackedOf({ quantization_config })).toThrow(message);
});
