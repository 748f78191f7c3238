/** Laws of packed weights in files: saved and loaded is as kept, bit for bit; what does not fit is refused before memory is taken. */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { Model, partsOf } from '../../src/api/model.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { opsOf } from '../../src/backends/eager.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { createWasmBackend } from '../../src/backends/wasm/index.ts';
import { nodePlatform } from '../../src/backends/wasm/platform-node.ts';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { size } from '../../src/base/tensor.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readMetadata, readSafetensors, type StoredTensor, storedBytes } from '../../src/checkpoint/safetensors.ts';
import { type SavedFile, type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import type { Folder, Source } from '../../src/checkpoint/source.ts';
import { describe as describeModel, type ModelDescription } from '../../src/loader/describe.ts';
import { fill } from '../../src/loader/fill.ts';
import type { WeightFormat } from '../../src/loader/formats.ts';
import { openModel } from '../../src/loader/open.ts';
import { Plan } from '../../src/loader/plan.ts';
import { ternaryScaleOf } from '../../src/loader/quantization.ts';
import { savedTensors } from '../../src/loader/save.ts';
import type { JsonObject } from '../../src/models/config.ts';
import type { Weights } from '../../src/models/weights.ts';
import { backends } from '../backends.ts';
import { bytesOfAll } from '../checkpoint/saved.ts';
import { sourceOf } from '../checkpoint/zip-writer.ts';

const missing = (name: string) => new CheckpointError(`no tensor '${name}'`);

const shipped = (name: string) => localFolder(fileURLToPath(new URL(`../../models/${name}/`, import.meta.url)));

const CASES: readonly (readonly [string, WeightFormat, 'q8' | 'q4'])[] = [
  ['backpack-tiny', 'q8', 'q8'],
  ['backpack-tiny', 'q4', 'q4'],
  ['bitnet-tiny', 'ternary', 'q8'],
  ['bitnet-tiny', 'q4', 'q4'],
  ['mamba-tiny', 'q8', 'q8'],
  ['mamba-tiny', 'q4', 'q4'],
  ['granite-tiny', 'q8', 'q8'],
  ['granite-tiny', 'q4', 'q4'],
];
/** Bytes of a scale and of 32 codes. */
const BLOCK_BYTES = { q8: 2 + 32, q4: 2 + 16 };
const IDS = [5, 99, 500, 7, 31, 1000, 2];

async function contents(files: readonly SavedFile[]): Promise<Map<string, Uint8Array>> {
  const all = new Map<string, Uint8Array>();
  for (const { name, bytes } of files) all.set(name, await bytesOfAll(bytes()));
  return all;
}

async function load(folder: Folder, weights: WeightFormat, backend: Backend | Promise<Backend>): Promise<Model> {
  return Model.load(await openModel(folder, { weights }), backend);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const digests = (files: ReadonlyMap<string, Uint8Array>) =>
  new Map([...files].map(([name, bytes]) => [name, digest(bytes)]));

/** The format and bytes of every live tensor, by name and place in its stored tensor. */
async function live(model: Model) {
  const { plan } = partsOf(model).opened;
  const all = new Map<string, string>();
  for (const [name, slices] of plan.slices) {
    for (const [i, { target }] of slices.entries()) {
      const { buffer } = await partsOf(model).engine.backend.read(target);
      all.set(`${name} ${i}`, `${target.dtype} ${digest(new Uint8Array(buffer))}`);
    }
  }
  return all;
}

interface Kept {
  readonly live: Awaited<ReturnType<typeof live>>;
  readonly logits: string;
  readonly description: ModelDescription;
  readonly bytes: number;
  readonly saved: Map<string, Uint8Array>;
  readonly sharded: Map<string, Uint8Array>;
}

describe.each(CASES)('%s kept as %s', (name, weights, dtype) => {
  let kept: Kept;
  beforeAll(async () => {
    const model = await load(shipped(name), weights, createWasmBackend({ platform: nodePlatform, threads: 1 }));
    kept = {
      live: await live(model),
      logits: digest(bytesOf((await model.logits(IDS)).data)),
      description: describeModel(partsOf(model).opened),
      bytes: partsOf(model).opened.plan.bytes,
      saved: await contents(await model.files()),
      sharded: await contents(await model.files({ maxShardBytes: 50_000 })),
    };
    await model.dispose();
  });

  test.each(backends)('on %s: saved and loaded is as kept', async (backend, create) => {
    const model = await load(memoryFolder(kept.saved), 'auto', create());
    expect(await live(model)).toEqual(kept.live);
    expect(digests(await contents(await model.files()))).toEqual(digests(kept.saved));
    if (backend !== 'reference') expect(digest(bytesOf((await model.logits(IDS)).data))).toEqual(kept.logits);
    await model.dispose();
  });

  test('in several files, by its name, and into a backend that gives no memory to read into', async () => {
    expect(kept.sharded.size).toBeGreaterThan(5);
    const near = createReferenceBackend();
    // Reads a few odd bytes at a time, as one may that sends them on to other memory.
    const far: Backend = {
      ...near,
      load: (x, read) =>
        near.load(x, async (offset, into) => {
          for (let at = 0; at < into.length; at += 100_003) await read(offset + at, into.subarray(at, at + 100_003));
        }),
    };
    expect(await live(await load(memoryFolder(kept.sharded), weights, far))).toEqual(kept.live);
  });

  test('is described by its weights, and offered in no other format', async () => {
    const description = describeModel(await openModel(memoryFolder(kept.saved)));
    const { parameters, parts, weightBytes } = description;
    expect(parameters).toBe(kept.description.parameters);
    const summary = (d: ModelDescription) =>
      Object.fromEntries(d.parts.map(({ name, count, shape }) => [name, [count, ...[...shape].sort()].join(' ')]));
    expect(summary(description)).toEqual(summary(kept.description)); // up to the order of axes: Conv1D
    expect(parts.some((part) => part.dtype === dtype)).toBe(true);
    expect(Object.keys(weightBytes)).toEqual(['auto', dtype, ...(weights === 'ternary' ? ['ternary'] : [])]);
    expect(new Set(Object.values(weightBytes))).toEqual(new Set([kept.bytes]));
  });

  test('says in its files what it is, and cannot be had otherwise', async () => {
    const folder = memoryFolder(kept.saved);
    const metadata = await readMetadata((await folder.open('model.safetensors')) as Source);
    expect(metadata).toEqual({ format: 'pt', quant_method: 'portmanteau', weight_format: dtype, layout_version: '2' });
    const { config } = await openModel(folder);
    const method = name === 'bitnet-tiny' ? 'bitnet' : 'portmanteau';
    expect((config.quantization_config as JsonObject).quant_method).toBe(method);
    for (const format of ['f32', 'bf16', 'f16', 'q8', 'q4'] as const) {
      if (format === dtype) continue;
      const error = await openModel(folder, { weights: format }).catch((error) => error);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toContain(dtype);
    }
    expect((await openModel(folder, { memoryBytes: 10 })).plan.bytes).toBe(kept.bytes);
  });
});

/** A plan of whatever asks for tensors. */
async function planOf(
  declare: (weights: Weights) => void,
  tensors: readonly SavedTensor[],
  weights: WeightFormat,
  metadata?: Record<string, string>,
) {
  const source = sourceOf(await bytesOfAll(safetensorsBytes(tensors, metadata)));
  const stored = new Map((await readSafetensors(source)).map((tensor) => [tensor.name, tensor]));
  const plan = new Plan(stored, {}, { weights, ternaryScale: 'divide', missing });
  declare(plan.weights);
  plan.finish();
  return plan;
}

/** The bytes of its live tensors, and what is saved of it. */
async function filled(declare: (weights: Weights) => void, tensors: readonly SavedTensor[], weights: WeightFormat) {
  const plan = await planOf(declare, tensors, weights);
  const backend = createReferenceBackend();
  await fill(plan, backend, opsOf(backend));
  const bytes: Uint8Array[] = [];
  for (const { target } of [...plan.slices.values()].flat()) bytes.push((await backend.read(target)) as Uint8Array);
  return { saved: savedTensors(plan, backend), bytes };
}

const noise = (name: string, shape: readonly number[], seed: number): SavedTensor => {
  const data = Float32Array.from({ length: size(shape) }, (_, i) => Math.sin(seed + 12.9898 * i) * 2 ** (i % 7));
  return { name, shape, dtype: 'F32', bytes: () => [new Uint8Array(data.buffer)] };
};

describe('matrices of any size', () => {
  const count = fc.integer({ min: 1, max: 70 });
  const few = fc.integer({ min: 1, max: 20 });
  const seed = fc.nat(1000);
  const formats = fc.constantFrom('q8' as const, 'q4' as const);

  const sameAgain = async (declare: (weights: Weights) => void, tensors: SavedTensor[], weights: 'q8' | 'q4') => {
    const first = await filled(declare, tensors, weights);
    const again = await filled(declare, first.saved, 'auto');
    expect(again.bytes).toEqual(first.bytes);
    return first;
  };

  test('split into several, transposed or not, come back as they were', async () => {
    const parts = fc.array(few, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(count, parts, fc.boolean(), seed, formats, async (dIn, dOuts, transposed, seed, dtype) => {
        const dOut = dOuts.reduce((sum, n) => sum + n, 0);
        const declare = (w: Weights) => void w.split('x', dIn, dOuts, { transposed });
        const shape = transposed ? [dIn, dOut] : [dOut, dIn];
        const { saved, bytes } = await sameAgain(declare, [noise('x.weight', shape, seed)], dtype);
        expect(saved.map(({ shape }) => shape)).toEqual([[dOut, Math.ceil(dIn / 32), BLOCK_BYTES[dtype]]]);
        expect(await bytesOfAll((saved[0] as SavedTensor).bytes())).toEqual(await bytesOfAll(bytes));
      }),
      { numRuns: 40 },
    );
  });

  test('of experts, and of tables, come back as they were', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), few, count, seed, formats, async (X, N, J, seed, dtype) => {
        const declare = (w: Weights) => {
          w.experts('experts', [X, N, J]);
          w.table('table', N, J);
        };
        const tensors = [noise('experts', [X, N, J], seed), noise('table', [N, J], seed + 1)];
        const { saved } = await sameAgain(declare, tensors, dtype);
        const matrix = [N, Math.ceil(J / 32), BLOCK_BYTES[dtype]];
        expect(saved.map(({ shape }) => shape)).toEqual([[X, ...matrix], matrix]);
      }),
      { numRuns: 40 },
    );
  });
});

describe('files that do not fit', () => {
  const declare = (w: Weights) => {
    w.split('x', 40, [20, 5], { transposed: true });
    w.experts('experts', [2, 17, 33]);
    w.table('table', 40, 64);
  };
  const zeros = (name: string, shape: readonly number[], dtype: SavedTensor['dtype'] = 'U8'): SavedTensor => ({
    name,
    shape,
    dtype,
    bytes: () => [new Uint8Array(storedBytes(shape, dtype))],
  });
  const good: readonly (readonly [string, readonly number[]])[] = [
    ['x.weight', [25, 2, 18]],
    ['experts', [2, 17, 2, 18]],
    ['table', [40, 2, 18]],
  ];
  const all = good.map(([name, shape]) => zeros(name, shape));

  test.each(good)('because of the shape or type of %s are refused before memory is taken', async (name, shape) => {
    const planWith = (changed: SavedTensor) =>
      planOf(declare, [...all.filter((other) => other.name !== name), changed], 'auto');
    await planWith(zeros(name, shape));
    const larger = shape.map((_, axis) => shape.map((n, i) => (i === axis ? n + 1 : n)));
    const smaller = shape.map((_, axis) => shape.map((n, i) => (i === axis ? n - 1 : n)));
    const others = [[...shape, 1], [1, ...shape], shape.slice(1), [size(shape)], [], [...shape.slice(0, -1), 0]];
    const wrong = [...larger, ...smaller, ...others].map((shape) => zeros(name, shape));
    const types = (['I8', 'I32', 'BOOL', 'F32'] as const).map((dtype) => zeros(name, shape, dtype));
    for (const tensor of [...wrong, ...types]) {
      const error = await planWith(tensor).catch((error) => error);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toContain(`'${name}`);
    }
  });

  test('because they are cut short are refused', async () => {
    const model = await bytesOfAll(safetensorsBytes(all));
    for (const length of [0, 7, 100, model.length - 1])
      await expect(readSafetensors(sourceOf(model.subarray(0, length)))).rejects.toThrow(CheckpointError);
  });

  test('because their end is gone when it is read are refused, whatever the backend', async () => {
    for (const [, create] of backends) {
      const plan = await planOf(declare, all, 'auto');
      const read = () => Promise.reject(new CheckpointError('cut'));
      plan.tensors.set('table', { ...(plan.tensors.get('table') as StoredTensor), read });
      const backend = await create();
      await expect(fill(plan, backend, opsOf(backend))).rejects.toThrow('cut');
      await backend.dispose();
    }
  });

  test('because they are of another layout are refused by name, with what to do', async () => {
    for (const [version, advice] of [
      ['1', 'convert the original'],
      ['3', 'newer version of the library'],
    ]) {
      const metadata = { format: 'pt', quant_method: 'portmanteau', layout_version: version as string };
      const error = await planOf(declare, all, 'auto', metadata).catch((error) => error);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error.message).toContain(`layout_version "${version}"`);
      expect(error.message).toContain(advice);
    }
  });

  test.each([
    [{ quant_method: 'portmanteau', weight_format: 'q4', layout_version: 2 }, undefined],
    [{ quant_method: 'portmanteau' }, /config.json.*layout_version undefined/],
    [{ quant_method: 'portmanteau', layout_version: 3 }, /config.json.*layout_version 3.*newer version of the library/],
    [{ quant_method: 'portmanteau', layout_version: 1 }, /config.json.*layout_version 1.*convert the original/],
  ])('unless quantization_config %j is of this layout', (quantization_config, refused) => {
    if (refused) expect(() => ternaryScaleOf({ quantization_config })).toThrow(refused);
    else expect(ternaryScaleOf({ quantization_config })).toBe('divide');
  });
});
