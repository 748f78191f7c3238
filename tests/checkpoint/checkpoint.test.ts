/** Laws of a checkpoint as a whole: which files count, that they fit together, and that every file opened is closed again. */
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/base/errors.ts';
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { type SavedTensor, safetensorsBytes } from '../../src/checkpoint/save.ts';
import { checkFileName, type Folder, readBytes, readJson, readText } from '../../src/checkpoint/source.ts';
import { costOf } from '../cost.ts';
import { bytesOfAll, readAll } from './saved.ts';

type Files = Record<string, Uint8Array | string>;

/** A folder in memory that counts what is open, and can be told to fail. */
function counted(files: Files, failing: (file: string) => boolean = () => false) {
  const encoder = new TextEncoder();
  const inner = memoryFolder(
    new Map(Object.entries(files).map(([name, x]) => [name, typeof x === 'string' ? encoder.encode(x) : x])),
  );
  const counts = { opened: 0, closed: 0 };
  const folder: Folder = {
    ...inner,
    async open(file) {
      if (failing(`open ${file}`)) throw new Error(`open ${file}`);
      const source = await inner.open(file);
      if (!source) return undefined;
      counts.opened++;
      let closed = false;
      return {
        ...source,
        async read(...args) {
          if (closed) throw new Error(`${file} was read after it was closed`);
          if (failing(`read ${file}`)) throw new Error(`read ${file}`);
          await source.read(...args);
        },
        async close() {
          expect(closed, `${file} is closed twice`).toBe(false);
          closed = true;
          counts.closed++;
        },
      };
    },
  };
  return { folder, counts };
}

const tensor = (name: string, byte = 0): SavedTensor => ({
  name,
  shape: [2],
  dtype: 'U8',
  bytes: () => [Uint8Array.of(byte, byte)],
});
const fileOf = (...tensors: SavedTensor[]) => bytesOfAll(safetensorsBytes(tensors));
const indexOf = (weight_map: unknown) => JSON.stringify({ weight_map });

async function refusalOf(files: Files): Promise<string> {
  const { folder, counts } = counted(files);
  const error = await openCheckpoint(folder).then(
    () => undefined,
    (error) => error,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  expect(counts.closed).toBe(counts.opened);
  return (error as Error).message;
}

describe('shards', () => {
  test('are read as if they were one file', async () => {
    const one = await openCheckpoint(
      counted({ 'model.safetensors': await fileOf(tensor('a', 1), tensor('b', 2)) }).folder,
    );
    const { folder, counts } = counted({
      'x.safetensors': await fileOf(tensor('a', 1)),
      'y.safetensors': await fileOf(tensor('b', 2)),
      'model.safetensors.index.json': indexOf({ a: 'x.safetensors', b: 'y.safetensors' }),
    });
    const many = await openCheckpoint(folder);
    expect(await readAll(many.tensors.values())).toEqual(await readAll(one.tensors.values()));
    expect(many.files.map(({ name }) => name)).toEqual(['x.safetensors', 'y.safetensors']);
    expect(counts.opened - counts.closed).toBe(2);
    await many.close();
    expect(counts.closed).toBe(counts.opened);
  });

  test('one that is missing is named', async () => {
    const index = indexOf({ a: 'x.safetensors', b: 'gone.safetensors' });
    const files = { 'x.safetensors': await fileOf(tensor('a')), 'model.safetensors.index.json': index };
    expect(await refusalOf(files)).toContain('gone.safetensors');
  });

  test('an index that is wrong about names is no reason to refuse; what no file has is told', async () => {
    const warnings: string[] = [];
    const { folder } = counted({
      'x.safetensors': await fileOf(tensor('a'), tensor('b')),
      'y.safetensors': await fileOf(tensor('c')),
      'model.safetensors.index.json': indexOf({
        ...{ a: 'x.safetensors', b: 'y.safetensors', c: 'y.safetensors', ghost: 'x.safetensors' },
      }),
    });
    const checkpoint = await openCheckpoint(folder, (text) => warnings.push(text));
    expect([...checkpoint.tensors.keys()]).toEqual(['a', 'b', 'c']);
    expect([...checkpoint.absent]).toEqual([['ghost', 'x.safetensors']]);
    expect(warnings.join()).toMatch(/lists 1 tensor .*ghost/);
    await checkpoint.close();
  });

  test('a tensor in two files is named, with both', async () => {
    const message = await refusalOf({
      'x.safetensors': await fileOf(tensor('a'), tensor('twin')),
      'y.safetensors': await fileOf(tensor('twin')),
      'model.safetensors.index.json': indexOf({ a: 'x.safetensors', twin: 'y.safetensors' }),
    });
    expect(message).toMatch(/'twin'.*x\.safetensors.*y\.safetensors/);
  });

  test('a damaged shard is refused, whichever it is', async () => {
    const good = await fileOf(tensor('a'));
    const bad = (await fileOf(tensor('b'))).slice(0, -1);
    for (const [x, y] of [
      [good, bad],
      [bad, good],
    ] as const) {
      await refusalOf({
        'x.safetensors': x,
        'y.safetensors': y,
        'model.safetensors.index.json': indexOf({ a: 'x.safetensors', b: 'y.safetensors' }),
      });
    }
  });
});

describe('an index', () => {
  test.each([
    ['a list', '[]'],
    ['a number', '3'],
    ['null', 'null'],
    ['no JSON', '{'],
    ['no text', Uint8Array.of(0xff, 0xfe, 0x00)],
    ['no weight_map', '{}'],
    ['a weight_map that is null', indexOf(null)],
    ['a weight_map that is a list', indexOf(['x.safetensors'])],
    ['a weight_map that is text', indexOf('x.safetensors')],
    ['an empty weight_map', indexOf({})],
    ['a file name that is a number', indexOf({ a: 1 })],
    ['a file name that is null', indexOf({ a: null })],
    ['a deeply nested file name', `{"weight_map":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`],
    [
      'more files than any model has',
      indexOf(Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [i, `${i}.bin`]))),
    ],
  ])('that is or has %s is refused', async (_, index) => {
    await refusalOf({ 'model.safetensors.index.json': index });
  });

  test.each([
    '../x.safetensors',
    '/etc/passwd',
    'a/b.safetensors',
    'a\\b',
    '..',
    '.',
    '',
    '.hidden',
    'x\0y',
    'x\n',
    'C:x',
    'con:',
  ])('that leads to %j is refused before anything there is opened', async (name) => {
    expect(() => checkFileName(name)).toThrow(CheckpointError);
    const { folder, counts } = counted(
      { 'model.safetensors.index.json': indexOf({ a: name }) },
      (what) =>
        what.startsWith('open ') && !/^open (model\.safetensors|pytorch_model\.bin)(\.index\.json)?$/.test(what),
    );
    await expect(openCheckpoint(folder)).rejects.toThrow(CheckpointError);
    expect(counts).toEqual({ opened: 1, closed: 1 });
  });

  test('of 100000 tensors is read in a moment', async () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `model.layers.${i}.weight`);
    const header = new Map(names.map((name, i) => [name, { dtype: 'U8', shape: [1], data_offsets: [i, i + 1] }]));
    const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
    const file = new Uint8Array(8 + json.length + names.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
    file.set(json, 8);
    const map = Object.fromEntries(names.map((name) => [name, 'x.safetensors']));
    const { folder } = counted({ 'x.safetensors': file, 'model.safetensors.index.json': indexOf(map) });
    const cost = await costOf(async () => expect((await openCheckpoint(folder)).tensors.size).toBe(100_000));
    expect(cost).toBeLessThan(6000);
  });
});

describe('of several layouts the first counts', () => {
  test('one file before shards, and shards before PyTorch', async () => {
    const single = await fileOf(tensor('single'));
    const shard = await fileOf(tensor('sharded'));
    const index = indexOf({ sharded: 'x.safetensors' });
    const damaged = Uint8Array.of(1, 2, 3);
    const namesOf = async (files: Files) => {
      const checkpoint = await openCheckpoint(counted(files).folder);
      return [checkpoint.format, ...checkpoint.tensors.keys()];
    };
    const sharded = { 'x.safetensors': shard, 'model.safetensors.index.json': index, 'pytorch_model.bin': damaged };
    expect(await namesOf({ ...sharded, 'model.safetensors': single })).toEqual(['safetensors', 'single']);
    expect(await namesOf(sharded)).toEqual(['safetensors', 'sharded']);
    expect(await refusalOf({ 'pytorch_model.bin': damaged })).toContain('pytorch_model.bin');
  });

  test('a damaged first one is no reason to take the second', async () => {
    await refusalOf({
      'model.safetensors': Uint8Array.of(1),
      'x.safetensors': await fileOf(tensor('a')),
      'model.safetensors.index.json': indexOf({ a: 'x.safetensors' }),
    });
  });

  test('without weights, the message says what was wanted and what is there', async () => {
    const message = await refusalOf({ 'tf_model.h5': 'x' });
    expect(message).toContain('model.safetensors');
    expect(message).toContain('tf_model.h5');
  });
});

test('whichever open or read fails, every file that was opened is closed', async () => {
  const files = {
    'x.safetensors': await fileOf(tensor('a')),
    'y.safetensors': await fileOf(tensor('b')),
    'z.safetensors': await fileOf(tensor('c')),
    'model.safetensors.index.json': indexOf({ a: 'x.safetensors', b: 'y.safetensors', c: 'z.safetensors' }),
  };
  const events: string[] = [];
  const all = counted(files, (what) => {
    events.push(what);
    return false;
  });
  await (await openCheckpoint(all.folder)).close();
  expect(all.counts.closed).toBe(all.counts.opened);
  for (const [nth, event] of events.entries()) {
    let n = 0;
    const { folder, counts } = counted(files, () => n++ === nth);
    await expect(openCheckpoint(folder), event).rejects.toThrow(event);
    expect(counts.closed, event).toBe(counts.opened);
  }
});

describe('small files', () => {
  test('above their limit are refused before they are read', async () => {
    const { folder, counts } = counted({ 'config.json': new Uint8Array(11) }, (what) => what.startsWith('read'));
    await expect(readBytes(folder, 'config.json', 10)).rejects.toThrow(CheckpointError);
    expect(counts).toEqual({ opened: 1, closed: 1 });
  });

  test('that do not exist are undefined', async () => {
    const { folder } = counted({});
    expect(await readBytes(folder, 'a', 9)).toBeUndefined();
    expect(await readText(folder, 'a', 9)).toBeUndefined();
    expect(await readJson(folder, 'a', 9)).toBeUndefined();
  });
});
