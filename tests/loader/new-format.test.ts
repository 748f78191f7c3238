/**
 * Adding a format touches its descriptor and the kernels, nothing else: one that is only in the list of formats loads, runs, is described,
 * saved and loaded again on the reference backend, whose kernels follow from the descriptor.
 */
import { afterAll, expect, test, vi } from 'vitest';
import type { MatrixFormat } from '../../src/formats/format.ts';

const { toy } = vi.hoisted(() => ({ toy: {} as MatrixFormat }));

vi.mock(import('../../src/formats/index.ts'), async (original) => {
  const [formats, { named, packedByRows }] = [await original(), await import('../../src/formats/format.ts')];
  const { fromBf16, toBf16 } = await import('../../src/formats/numbers.ts');
  /** Blocks of 20 columns: a byte that is 99, then bfloat16 numbers with the upper byte first. */
  const placeOf = (i: number) => 41 * Math.floor(i / 20) + 1 + 2 * (i % 20);
  const packRow = (numbers: Float32Array, into: Uint8Array | Int8Array) => {
    for (let i = 0; i < numbers.length; i++) {
      const bits = toBf16(numbers[i] as number);
      into[41 * Math.floor(i / 20)] = 99;
      into[placeOf(i)] = bits >> 8;
      into[placeOf(i) + 1] = bits & 255;
    }
  };
  const unpackRow = (bytes: Uint8Array | Int8Array, into: Float32Array) => {
    for (let i = 0; i < into.length; i++)
      into[i] = fromBf16(((bytes[placeOf(i)] as number) << 8) | (bytes[placeOf(i) + 1] as number));
  };
  const rowShape = (columns: number) => [Math.ceil(columns / 20), 41];
  Object.assign(toy, named('toy'), packedByRows({ bytes: 'u8', rowShape, packRow, unpackRow }), {
    exactness: 'that of bfloat16',
    op: 'linear',
    quantMethod: 'portmanteau',
    part: { columns: 20, pack: packRow },
  });
  const all = [...formats.MATRIX_FORMATS, toy];
  return {
    ...formats,
    MATRIX_FORMATS: all as unknown as typeof formats.MATRIX_FORMATS,
    matrixFormat: (name: string) => all.find((format) => format.name === name),
  };
});

// After the mock, so that they find the longer list.
const { createReferenceBackend } = await import('../../src/backends/reference/index.ts');
const { memoryFolder } = await import('../../src/checkpoint/folder-memory.ts');
const { localFolder } = await import('../../src/checkpoint/folder-node.ts');
const { createWasmBackend } = await import('../../src/backends/wasm/index.ts');
const { nodePlatform } = await import('../../src/backends/wasm/platform-node.ts');
const { describe: describeModel } = await import('../../src/loader/describe.ts');
const { WEIGHT_FORMATS } = await import('../../src/loader/formats.ts');
const { openModel } = await import('../../src/loader/open.ts');
const { Model } = await import('../../src/api/model.ts');
const { readGolden } = await import('../goldens.ts');
const { bytesOfAll } = await import('../checkpoint/saved.ts');

const weights = 'toy' as (typeof WEIGHT_FORMATS)[number];
const IDS = [1, 4, 2, 3];
const GOLDENS = ['granite-moe-10', 'backpack-hub', 'mamba-odd'];

const wasm = createWasmBackend({ platform: nodePlatform, threads: 1 });
afterAll(async () => (await wasm).dispose());

test.each(GOLDENS)('%s is kept in a new format, saved, and loaded again', async (name) => {
  expect(WEIGHT_FORMATS).toContain('toy');
  const { folder } = await readGolden(name);
  const opened = await openModel(localFolder(folder), { weights });
  const description = describeModel(opened);
  expect(Object.keys(description.weightBytes)).toContain('toy');
  const kept = [...opened.plan.slices.values()].flat().filter(({ kind }) => kind !== 'vector');
  expect(new Set(kept.map(({ target }) => target.dtype))).toEqual(new Set([toy]));

  const model = await Model.load(opened, createReferenceBackend());
  const { data: logits } = await model.logits(IDS);
  const plain = await Model.load(await openModel(localFolder(folder), { weights: 'bf16' }), createReferenceBackend());
  expect(logits).toEqual((await plain.logits(IDS)).data); // the same numbers, kept in another way

  const files = new Map<string, Uint8Array>();
  for (const { name, bytes } of await model.files()) files.set(name, await bytesOfAll(bytes()));
  const again = await openModel(memoryFolder(files));
  expect(again.formats).toEqual(['auto', 'toy']);
  expect(describeModel(again).parts.map(({ dtype }) => dtype)).toContain('toy');
  const reloaded = await Model.load(again, createReferenceBackend());
  expect((await reloaded.logits(IDS)).data).toEqual(logits);
});

test('a backend without kernels for it says so', async () => {
  const { folder } = await readGolden('mamba-odd');
  const opened = await openModel(localFolder(folder), { weights });
  await expect(Model.load(opened, wasm)).rejects.toThrow(/no kernels.*toy/);
});
