/** Laws of the safetensors reader: it reads what was saved, believes no header, and takes no memory that the file does not justify. */
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/base/errors.ts';
import { size } from '../../src/base/tensor.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { readSafetensors, type StoredDType, safetensorsHeader, storedBytes } from '../../src/checkpoint/safetensors.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { costOf } from '../cost.ts';
import { bytesOfAll, readAll, savedTensors } from './saved.ts';
import { sourceOf } from './zip-writer.ts';

const GIB = 2 ** 30;

/** A file with any header text in front of `dataBytes` zeros. */
function fileOf(header: string, dataBytes = 0, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

const refusal = (bytes: Uint8Array): Promise<unknown> =>
  readSafetensors(sourceOf(bytes)).then(
    () => 'read',
    (error) => error,
  );

describe('reading', () => {
  test('what was saved is what is read, for any tensors', async () => {
    await fc.assert(
      fc.asyncProperty(savedTensors, async (tensors) => {
        const file = await bytesOfAll(safetensorsBytes(tensors));
        const read = await readSafetensors(sourceOf(file));
        expect(await readAll(read)).toEqual(await readAll(tensors));
      }),
      { numRuns: 150 },
    );
  });

  test('numbers begin at a multiple of 8', () => {
    fc.assert(
      fc.property(savedTensors, (tensors) => {
        expect(safetensorsHeader(tensors).length % 8).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('any part of a tensor can be read', async () => {
    const data = Uint8Array.from({ length: 40 }, (_, i) => i);
    const tensor: SavedTensor = { name: 'x', shape: [40], dtype: 'U8', bytes: () => [data] };
    const [read] = await readSafetensors(sourceOf(await bytesOfAll(safetensorsBytes([tensor]))));
    for (const [from, to] of [
      [0, 40],
      [7, 8],
      [39, 40],
      [5, 5],
    ] as const) {
      const into = new Uint8Array(to - from);
      await read?.read(from, into);
      expect(into).toEqual(data.slice(from, to));
    }
  });

  test('names of the language itself are names like others', async () => {
    const names = ['__proto__', 'constructor', 'toString', '0', 'ä😀\u0000"\\'];
    const tensors = names.map((name, i): SavedTensor => {
      return { name, shape: [1], dtype: 'U8', bytes: () => [Uint8Array.of(i)] };
    });
    const read = await readSafetensors(sourceOf(await bytesOfAll(safetensorsBytes(tensors))));
    expect(await readAll(read)).toEqual(await readAll(tensors));
  });

  test('two tensors of one name, or one called like the metadata, are not saved', () => {
    const tensor = (name: string) => ({ name, shape: [1], dtype: 'F32' as const });
    expect(() => safetensorsHeader([tensor('a'), tensor('a')])).toThrow(UsageError);
    expect(() => safetensorsHeader([tensor('__metadata__')])).toThrow(UsageError);
  });

  test.each<[StoredDType, number]>([
    ['F64', 8],
    ['F32', 4],
    ['F16', 2],
    ['BF16', 2],
    ['I64', 8],
    ['I32', 4],
    ['I16', 2],
    ['I8', 1],
    ['U8', 1],
    ['BOOL', 1],
  ])('%s takes %i bytes a number', async (dtype, bytes) => {
    expect(storedBytes([3, 5], dtype)).toBe(15 * bytes);
    const entry = { dtype, shape: [3], data_offsets: [0, 3 * bytes] };
    const [read] = await readSafetensors(sourceOf(fileOf(JSON.stringify({ x: entry }), 3 * bytes)));
    expect(read).toMatchObject({ name: 'x', dtype, shape: [3], byteLength: 3 * bytes });
  });
});

describe('beyond 4 GiB', () => {
  const tensors = [
    { name: 'first', shape: [3 * 2 ** 31], dtype: 'U8' as const },
    { name: 'second', shape: [5], dtype: 'I8' as const },
    { name: 'third', shape: [2, 2 ** 31], dtype: 'F32' as const },
  ];
  /** Byte `at` of the numbers, whatever tensor it belongs to. */
  const byteAt = (at: number) => (at * 7 + Math.floor(at / 2 ** 32) * 31) & 255;

  test('offsets of a synthetic source are exact', async () => {
    const header = safetensorsHeader(tensors);
    const total = header.length + tensors.reduce((sum, { shape, dtype }) => sum + storedBytes(shape, dtype), 0);
    const source: Source = {
      name: 'synthetic',
      size: total,
      async read(offset, into) {
        for (let i = 0; i < into.length; i++) {
          into[i] = offset + i < header.length ? (header[offset + i] as number) : byteAt(offset + i - header.length);
        }
      },
      close: async () => {},
    };
    let begin = 0;
    for (const tensor of await readSafetensors(source)) {
      const pieces = [0, tensor.byteLength - 3, Math.floor(tensor.byteLength / 2)].filter((at) => at >= 0);
      for (const at of pieces) {
        const into = new Uint8Array(3);
        await tensor.read(at, into);
        expect([...into]).toEqual([0, 1, 2].map((i) => byteAt(begin + at + i)));
      }
      begin += tensor.byteLength;
    }
    expect(begin).toBe(total - header.length);
  });

  test('a file on disk is read where its numbers are', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portmanteau-sparse-'));
    try {
      const shapes = [
        { name: 'hole', shape: [5 * GIB], dtype: 'U8' as const },
        { name: 'after', shape: [4], dtype: 'U8' as const },
      ];
      const header = safetensorsHeader(shapes);
      const handle = await open(join(folder, 'model.safetensors'), 'w');
      await handle.write(header, 0, header.length, 0);
      await handle.write(Uint8Array.of(1, 2, 3, 4), 0, 4, header.length + 5 * GIB); // the rest is a hole without blocks
      await handle.close();
      const source = (await localFolder(folder).open('model.safetensors')) as Source;
      const [hole, after] = await readSafetensors(source);
      const into = new Uint8Array(4);
      await after?.read(0, into);
      expect([...into]).toEqual([1, 2, 3, 4]);
      await hole?.read(5 * GIB - 4, into);
      expect([...into]).toEqual([0, 0, 0, 0]);
      await expect(after?.read(2, into)).rejects.toThrow(CheckpointError);
      await source.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('damage', () => {
  const entry = (begin: unknown, end: unknown, shape: unknown = [4], dtype: unknown = 'U8') =>
    JSON.stringify({ dtype, shape, data_offsets: [begin, end] });
  const deep = '['.repeat(200_000) + ']'.repeat(200_000);

  test.each<[string, string, number]>([
    ['overlapping tensors', `{"a":${entry(0, 4)},"b":${entry(2, 6)}}`, 6],
    ['the same bytes twice', `{"a":${entry(0, 4)},"b":${entry(0, 4)}}`, 4],
    ['a gap', `{"a":${entry(0, 4)},"b":${entry(5, 9)}}`, 9],
    ['a gap in front', `{"a":${entry(1, 5)}}`, 5],
    ['bytes behind the last tensor', `{"a":${entry(0, 4)}}`, 5],
    ['a tensor beyond the end', `{"a":${entry(0, 4)}}`, 3],
    ['a negative offset', `{"a":${entry(-4, 0)}}`, 4],
    ['ends before it begins', `{"a":${entry(4, 0)}}`, 4],
    ['a fractional offset', `{"a":${entry(0.5, 4.5)}}`, 5],
    ['an offset beyond all numbers', `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,1e999]}}`, 4],
    ['an offset that f64 cannot hold', `{"a":{"dtype":"U8","shape":[4],"data_offsets":[9007199254740993,4]}}`, 4],
    ['three offsets', `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,2,4]}}`, 4],
    ['no offsets', `{"a":{"dtype":"U8","shape":[4]}}`, 4],
    ['offsets as text', `{"a":${entry('0', '4')}}`, 4],
    ['a negative axis', `{"a":${entry(0, 4, [-2, -2])}}`, 4],
    ['a fractional axis', `{"a":${entry(0, 4, [0.5, 8])}}`, 4],
    ['axes whose product is too large', `{"a":${entry(0, 4, [2 ** 40, 2 ** 40])}}`, 4],
    ['axes whose product overflows to nothing', `{"a":${entry(0, 0, [2 ** 52, 2 ** 52, 2 ** 52, 0])}}`, 4],
    ['10000 axes', `{"a":${entry(0, 1, new Array(10_000).fill(1))}}`, 1],
    ['a shape that is an object', `{"a":${entry(0, 4, { length: 1, 0: 4 })}}`, 4],
    ['an unknown type', `{"a":${entry(0, 4, [4], 'F9_E4M4')}}`, 4],
    ['a type of the language', `{"a":${entry(0, 4, [4], 'toString')}}`, 4],
    ['an entry that is a number', '{"a":4}', 4],
    ['an entry that is null', '{"a":null}', 4],
    ['an entry that is a list', '{"a":[]}', 4],
    ['a list', '[]', 0],
    ['a number', '7', 0],
    ['null', 'null', 0],
    ['no JSON', '{"a":', 0],
    ['nothing', '', 0],
    ['a prototype that would give the rest', `{"a":{"__proto__":${entry(0, 4)}}}`, 4],
    ['the same name for other bytes', `{"a":${entry(0, 4)},"a":${entry(4, 8)}}`, 8],
    ['deep nesting', deep, 0],
    ['deep nesting in an entry', `{"a":${deep}}`, 0],
    ['deep nesting as a type', `{"a":{"dtype":${deep}}}`, 0],
    ['deep nesting as a shape', `{"a":{"dtype":"U8","shape":${deep}}}`, 0],
    ['deep nesting as offsets', `{"a":{"dtype":"U8","shape":[4],"data_offsets":${deep}}}`, 4],
    ['deep nesting as an offset', `{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,${deep}]}}`, 4],
  ])('%s is refused', async (_, header, dataBytes) => {
    const error = await refusal(fileOf(header, dataBytes));
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as Error).message.length).toBeLessThan(500);
  });

  test('an axis of zero makes the others harmless', async () => {
    const [read] = await readSafetensors(sourceOf(fileOf(`{"a":${entry(0, 0, [0, 7])}}`)));
    expect(read?.byteLength).toBe(0);
  });

  test.each<[string, bigint]>([
    ['2^63', 2n ** 63n],
    ['2^64 - 1', 2n ** 64n - 1n],
    ['100 MB', 100_000_000n],
    ['one byte more than there is', 3n],
  ])('a header of %s bytes in a tiny file is refused before anything is read', async (_, claimed) => {
    let largest = 0;
    const source = sourceOf(fileOf('{}', 0, claimed), (_, into) => {
      largest = Math.max(largest, into.length);
    });
    await expect(readSafetensors(source)).rejects.toThrow(CheckpointError);
    expect(largest).toBe(8);
  });

  test('a header above the format’s limit is refused even where the file has it', async () => {
    const claimed = new Uint8Array(8);
    new DataView(claimed.buffer).setBigUint64(0, 100_000_001n, true);
    const source: Source = {
      name: 'large',
      size: 2 ** 40,
      async read(offset, into) {
        if (offset !== 0 || into.length !== 8) throw new Error('read more than the prefix');
        into.set(claimed);
      },
      close: async () => {},
    };
    await expect(readSafetensors(source)).rejects.toThrow(CheckpointError);
  });

  test('any bytes changed, or a file cut anywhere: it is read or refused', async () => {
    await fc.assert(
      fc.asyncProperty(
        savedTensors,
        fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
          maxLength: 4,
        }),
        fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
        async (tensors, flips, cut) => {
          const file = await bytesOfAll(safetensorsBytes(tensors));
          for (const [where, mask] of flips) {
            const at = Math.floor(where * (file.length - 1));
            file[at] = (file[at] as number) ^ mask;
          }
          const bytes = cut === null ? file : file.subarray(0, Math.floor(cut * file.length));
          await expectReadOrRefused(bytes);
        },
      ),
      { numRuns: 700 },
    );
  });

  test('any JSON as a header is read or refused', async () => {
    const count = fc.oneof(
      fc.nat(9),
      fc.constantFrom(-1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, 1e308, -0),
      fc.jsonValue(),
    );
    const dtype = fc.oneof(fc.constantFrom('U8', 'F32', 'BF16', 'BOOL', 'F8'), fc.jsonValue());
    const tensor = fc.oneof(
      { weight: 4, arbitrary: fc.record({ dtype, shape: fc.array(count), data_offsets: fc.array(count) }) },
      { weight: 1, arbitrary: fc.jsonValue() as fc.Arbitrary<unknown> },
    );
    const header = fc.oneof(fc.dictionary(fc.string(), tensor), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(header, fc.nat(40), async (json, dataBytes) =>
        expectReadOrRefused(fileOf(JSON.stringify(json), dataBytes)),
      ),
      { numRuns: 700 },
    );
  });

  /** What is read covers the file exactly; what is refused is refused as damage. */
  async function expectReadOrRefused(bytes: Uint8Array): Promise<void> {
    let largest = 0;
    const source = sourceOf(bytes, (_, into) => {
      largest = Math.max(largest, into.length);
    });
    try {
      const tensors = await readSafetensors(source);
      const total = tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
      const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
      expect(8 + length + total).toBe(bytes.length);
      for (const { shape, dtype, byteLength } of tensors) expect(size(shape) * storedBytes([], dtype)).toBe(byteLength);
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
    }
    expect(largest).toBeLessThanOrEqual(Math.max(8, bytes.length));
  }

  test('100000 tensors are read in a moment', async () => {
    const entries = Array.from({ length: 100_000 }, (_, i) => [
      `t${i}`,
      { dtype: 'U8', shape: [], data_offsets: [i, i + 1] },
    ]);
    const file = fileOf(JSON.stringify(Object.fromEntries(entries)), 100_000);
    const cost = await costOf(async () => expect(await readSafetensors(sourceOf(file))).toHaveLength(100_000));
    expect(cost).toBeLessThan(5000);
  });
});
