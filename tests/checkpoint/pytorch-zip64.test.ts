import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { readPyTorch } from '../../src/checkpoint/pytorch.ts';
import type { StoredTensor } from '../../src/checkpoint/safetensors.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { dataOffset, readZipDirectory } from '../../src/checkpoint/zip.ts';
import { stateDict } from './pickle-writer.ts';
import { sourceOf, u16, u32, u64, zipOf } from './zip-writer.ts';

const GIB = 2 ** 30;
const MOST_AT_ONCE = 4 << 20;

/** The byte of a storage at a place in the file. */
const noise = (at: number) => (at % 251) ^ (Math.floor(at / 65536) % 256);

type Piece = readonly [offset: number, bytes: readonly number[]];

/** A file of a few pieces far apart; the bytes between them are computed, not kept. */
function sparseSource(size: number, pieces: readonly Piece[]): Source & { reads: number } {
  const source = {
    name: 'sparse.bin',
    size,
    reads: 0,
    async read(offset: number, into: Uint8Array) {
      expect(offset + into.length).toBeLessThanOrEqual(size);
      expect(into.length).toBeLessThanOrEqual(MOST_AT_ONCE);
      source.reads++;
      for (let i = 0; i < into.length; i++) into[i] = noise(offset + i);
      for (const [start, bytes] of pieces) {
        const [from, to] = [Math.max(start, offset), Math.min(start + bytes.length, offset + into.length)];
        for (let at = from; at < to; at++) into[at - offset] = bytes[at - start] as number;
      }
    },
    close: async () => {},
  };
  return source;
}

const ONES = u32(0xffffffff);
const label = (name: string) => [...new TextEncoder().encode(name)];

const header = (name: string) =>
  [u32(0x04034b50), u16(45), Array(12).fill(0), ONES, ONES, u16(name.length), u16(0), label(name)].flat();

/** A directory record: sizes and place stand in the 64-bit field, behind a field that does not matter. */
function record(name: string, size: number, offset: number): number[] {
  const extra = [u16(0x7777), u16(2), [1, 2], u16(1), u16(24), u64(size), u64(size), u64(offset)].flat();
  const lengths = [u16(name.length), u16(extra.length), Array(10).fill(0)].flat();
  return [u32(0x02014b50), u16(45), u16(45), Array(12).fill(0), ONES, ONES, lengths, ONES, label(name), extra].flat();
}

/** A zip64 file with one storage of `bytes` bytes at its start and the pickle behind it. */
function largeFile(
  bytes: number,
  pickle: number[],
  change: { count?: number; offset?: number; mark?: number; names?: [string, string] } = {},
) {
  const [storage, data] = change.names ?? ['a/data/0', 'a/data.pkl'];
  const dataAt = header(storage).length;
  const pickleAt = dataAt + bytes;
  const directoryAt = pickleAt + header(data).length + pickle.length;
  const directory = [...record(storage, bytes, 0), ...record(data, pickle.length, pickleAt)];
  const count = u64(change.count ?? 2);
  const place = [u64(directory.length), u64(change.offset ?? directoryAt)].flat();
  const end64 = [u32(0x06064b50), u64(44), u16(45), u16(45), u32(0), u32(0), count, count, place].flat();
  const locator = [u32(change.mark ?? 0x07064b50), u32(0), u64(directoryAt + directory.length), u32(1)].flat();
  const end = [u32(0x06054b50), u16(0), u16(0), u16(0xffff), u16(0xffff), ONES, ONES, u16(0)].flat();
  const tail = [...header(data), ...pickle, ...directory, ...end64, ...locator, ...end];
  const pieces: Piece[] = [
    [0, header(storage)],
    [pickleAt, tail],
  ];
  return { source: sparseSource(pickleAt + tail.length, pieces), dataAt, tail };
}

const bytesAt = async (tensor: StoredTensor | undefined, offset: number, length: number) => {
  const into = new Uint8Array(length);
  await tensor?.read(offset, into);
  return into;
};

describe('zip64', () => {
  test('numbers beyond 4 GiB are found where they are', async () => {
    const numel = 6 * GIB;
    const views = [
      { name: 'whole', numel, shape: [6, GIB], strides: [GIB, 1] },
      { name: 'late', numel, offset: 5 * GIB + 3, shape: [10], strides: [1] },
      { name: 'transposed', numel, shape: [GIB, 6], strides: [1, GIB] },
    ];
    const { source, dataAt } = largeFile(numel, stateDict(views));
    const [whole, late, transposed] = await readPyTorch(source);
    const range = (from: number) => Uint8Array.from({ length: 10 }, (_, i) => noise(dataAt + from + i));
    expect(await bytesAt(whole, 5 * GIB - 5, 10)).toEqual(range(5 * GIB - 5));
    expect(await bytesAt(late, 0, 10)).toEqual(range(5 * GIB + 3));
    const columns = Uint8Array.from({ length: 12 }, (_, i) => noise(dataAt + 77 + Math.floor(i / 6) + (i % 6) * GIB));
    expect(await bytesAt(transposed, 77 * 6, 12)).toEqual(columns);
  });

  const small = stateDict([{ numel: 4, shape: [4], strides: [1] }]);

  test('a 64-bit field without room for what it must hold is refused', async () => {
    const { source, tail } = largeFile(5 * GIB, small);
    const field = tail.findIndex(
      (_, i) => tail[i] === 1 && tail[i + 1] === 0 && tail[i + 2] === 24 && tail[i + 3] === 0,
    );
    tail[field + 2] = 16;
    await expect(readPyTorch(source)).rejects.toThrow('lacks the 64-bit sizes it announces');
  });

  test('a pickle of many megabytes is refused unread', async () => {
    const { source } = largeFile(17 << 20, [], { names: ['a/data.pkl', 'a/version'] });
    await expect(readPyTorch(source)).rejects.toThrow('its pickle has 17825792 bytes, more than 16777216');
    expect(source.reads).toBeLessThan(6);
  });

  test.each([
    ['more entries than its directory has bytes', { count: 2 ** 40 }, /cannot hold the 1099511627776 entries/],
    ['one entry too many', { count: 3 }, /cannot hold the 3 entries|entry 2 of its directory/],
    ['a directory beyond the end', { offset: 2 ** 45 }, /directory lies outside the file/],
    ['a directory above 2^53', { offset: 2 ** 60 }, /above 2\^53/],
    ['a directory at another place', { offset: 3 }, /entry 0 of its directory/],
    ['no locator', { mark: 1 }, /lacks the zip64 locator/],
  ])('%s is refused', async (_, change, message) => {
    const { source } = largeFile(5 * GIB, small, change);
    const error = await readPyTorch(source).then(String, (error: Error) => error);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(String(error)).toMatch(message);
  });
});

test('any bytes of the directory and the end records changed: the file is read or refused in few reads', {
  timeout: 30_000,
}, async () => {
  const bytes = 5 * GIB;
  const pickle = stateDict([{ numel: bytes, shape: [bytes], strides: [1] }]);
  const { tail } = largeFile(bytes, pickle);
  const first = header('a/data.pkl').length + pickle.length;
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 255));
  const changes = fc.array(fc.tuple(fc.integer({ min: first, max: tail.length - 1 }), byte), {
    minLength: 1,
    maxLength: 3,
  });
  const law = fc.asyncProperty(changes, async (changes) => {
    const { source, tail } = largeFile(bytes, pickle);
    for (const [at, to] of changes) tail[at] = to;
    try {
      const [tensor] = await readPyTorch(source);
      await bytesAt(tensor, (tensor?.byteLength ?? 0) - 9, 9);
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
    }
    expect(source.reads).toBeLessThan(20);
  });
  const oneEntryOf16Megabytes: [number, number][] = [
    [404, 0],
    [395, 255],
  ];
  await fc.assert(law, { numRuns: 500, examples: [[oneEntryOf16Megabytes]] });
});

describe('the directory of a zip file', () => {
  const entries = [
    { name: 'a/one', data: [1, 2, 3] },
    { name: 'a/zwei-ß', data: [] },
  ];

  test('entries are found behind their local headers, whatever these are padded with', async () => {
    const bytes = zipOf(entries);
    const source = sourceOf(bytes);
    const directory = await readZipDirectory(source);
    expect([...directory.values()].map(({ name, size }) => [name, size])).toEqual([
      ['a/one', 3],
      ['a/zwei-ß', 0],
    ]);
    const one = directory.get('a/one');
    const start = one && (await dataOffset(source, one));
    expect(bytes.subarray(start, (start ?? 0) + 3)).toEqual(new Uint8Array([1, 2, 3]));
  });

  test.each([
    ['of no length', ''],
    ['of 65535 bytes', 'x'.repeat(65535)],
    ['with the mark of an end record', `PK\x05\x06${'\0'.repeat(40)}`],
  ])('it is found before a comment %s', async (_, comment) => {
    expect((await readZipDirectory(sourceOf(zipOf(entries, comment)))).size).toBe(2);
  });

  test('bytes behind the comment are refused', async () => {
    const bytes = new Uint8Array([...zipOf(entries, 'comment'), 0]);
    await expect(readZipDirectory(sourceOf(bytes))).rejects.toThrow(CheckpointError);
  });

  test('a zip64 end record that has no room is refused', async () => {
    const end = new Uint8Array([u32(0x06054b50), Array(16).fill(0xff), u16(0)].flat());
    await expect(readZipDirectory(sourceOf(end))).rejects.toThrow('no room for the records');
  });

  test('a stored entry of two sizes is refused', async () => {
    const bytes = zipOf(entries.slice(0, 1));
    const record = bytes.length - 22 - 46 - 'a/one'.length;
    bytes[record + 24] = 2; // bytes when unpacked, were 3
    const source = sourceOf(bytes);
    const one = (await readZipDirectory(source)).get('a/one');
    await expect(one && dataOffset(source, one)).rejects.toThrow('its two sizes differ');
  });

  test('an entry larger than what precedes the directory is refused before it is looked at', async () => {
    const bytes = zipOf(entries.slice(0, 1));
    const record = bytes.length - 22 - 46 - 'a/one'.length;
    for (const field of [20, 24]) bytes[record + field + 1] = 1; // 256 bytes more
    await expect(readZipDirectory(sourceOf(bytes))).rejects.toThrow("'a/one' does not fit in the file");
  });

  test('an entry that ends after the directory is refused', async () => {
    const bytes = zipOf(entries.slice(0, 1));
    bytes[bytes.length - 22 - 'a/one'.length - 46 + 32] = 1; // length of its comment
    await expect(readZipDirectory(sourceOf(bytes))).rejects.toThrow(
      'entry 0 of its directory ends after the directory',
    );
  });

  test('two entries of one name are refused', async () => {
    const twice = zipOf([entries[0], entries[0]] as typeof entries);
    await expect(readZipDirectory(sourceOf(twice))).rejects.toThrow("two entries called 'a/one'");
  });

  test('an entry whose local header has another name is refused', async () => {
    const bytes = zipOf(entries);
    bytes[30] = 'b'.charCodeAt(0);
    const source = sourceOf(bytes);
    const one = (await readZipDirectory(source)).get('a/one');
    await expect(one && dataOffset(source, one)).rejects.toThrow('is not where the directory says');
  });

  test('an entry that its padding pushes into the directory is refused', async () => {
    const bytes = zipOf(entries.slice(0, 1));
    bytes[28] = 6; // length of the extra field, was 5
    const source = sourceOf(bytes);
    const one = (await readZipDirectory(source)).get('a/one');
    await expect(one && dataOffset(source, one)).rejects.toThrow('ends after the directory starts');
  });
});

describe('large views', () => {
  /** Reads part of a view [rows, columns] and compares it with the file. */
  async function readPart(
    strides: readonly [number, number],
    shape: readonly [number, number],
    from: number,
    length: number,
  ) {
    const numel = (shape[0] - 1) * strides[0] + (shape[1] - 1) * strides[1] + 1;
    const { source, dataAt } = largeFile(numel, stateDict([{ numel, shape, strides }]));
    const [tensor] = await readPyTorch(source);
    source.reads = 0;
    const bytes = await bytesAt(tensor, from, length);
    const place = (i: number) => Math.floor(i / shape[1]) * strides[0] + (i % shape[1]) * strides[1];
    expect(bytes.every((byte, i) => byte === noise(dataAt + place(from + i)))).toBe(true);
    return source.reads;
  }

  test('a transposed matrix is read in spans of bounded length', async () => {
    expect(await readPart([1, 4096], [4096, 4096], 10 * 4096 + 5, 4 * 4096)).toBeLessThanOrEqual(3 * 5);
  });

  test('runs far apart are read one by one', async () => {
    expect(await readPart([1, 1 << 20], [1 << 20, 500], 3 * 500, 2 * 500)).toBe(500);
  });

  test('columns of a matrix are read many rows at a time', async () => {
    expect(await readPart([4096, 1], [2000, 1000], 999, 1_999_001)).toBeLessThanOrEqual(4);
  });

  test('rows longer than a span go straight to the caller', async () => {
    expect(await readPart([MOST_AT_ONCE + 100_000, 1], [3, MOST_AT_ONCE], 0, 3 * MOST_AT_ONCE)).toBe(3);
  });
});
