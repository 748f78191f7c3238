/** Laws of writing: whole or not at all, nothing of others is lost, and shards say the same as one file. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../src/base/errors.ts';
import { openCheckpoint } from '../../src/checkpoint/checkpoint.ts';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { writeFileWhole } from '../../src/checkpoint/output-node.ts';
import { readSafetensors, storedBytes } from '../../src/checkpoint/safetensors.ts';
import { checkpointFiles } from '../../src/checkpoint/save.ts';
import { checkNewFolder, saveTensors, writeFolderWhole } from '../../src/checkpoint/save-node.ts';
import type { Source } from '../../src/checkpoint/source.ts';
import { bytesOfAll, readAll, savedTensors } from './saved.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portmanteau-save-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const text = (content: string) => [new TextEncoder().encode(content)];
const file = (name: string, content: string) => ({ name, bytes: () => text(content) });

/** Some bytes, then an interruption. */
async function* interrupted() {
  yield* text('half');
  throw new Error('interrupted');
}

describe('shards', () => {
  test('of any size hold the same tensors as one file', async () => {
    await fc.assert(
      fc.asyncProperty(savedTensors, fc.nat(200), async (tensors, maxShardBytes) => {
        const files = checkpointFiles(tensors, { maxShardBytes });
        const contents = new Map<string, Uint8Array>();
        for (const { name, bytes } of files) contents.set(name, await bytesOfAll(bytes()));
        const checkpoint = await openCheckpoint(memoryFolder(contents));
        expect(await readAll(checkpoint.tensors.values())).toEqual(await readAll(tensors));
        for (const { name } of checkpoint.files) {
          const inside = await readSafetensors((await checkpoint.folder.open(name)) as Source);
          const bytes = inside.reduce((sum, { shape, dtype }) => sum + storedBytes(shape, dtype), 0);
          expect(inside.filter(({ byteLength }) => byteLength > 0).length <= 1 || bytes <= maxShardBytes).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('are numbered as transformers does, and the index counts all bytes', async () => {
    const tensors = ['a', 'b', 'c'].map((name) => ({
      name,
      shape: [3],
      dtype: 'U8' as const,
      bytes: () => [new Uint8Array(3)],
    }));
    const files = checkpointFiles(tensors, { maxShardBytes: 4 });
    expect(files.map(({ name }) => name)).toEqual([
      'model-00001-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00003-of-00003.safetensors',
      'model.safetensors.index.json',
    ]);
    const index = JSON.parse(new TextDecoder().decode(await bytesOfAll(files.at(-1)?.bytes() ?? [])));
    expect(index.metadata.total_size).toBe(9);
    expect(checkpointFiles(tensors, { maxShardBytes: 9 }).map(({ name }) => name)).toEqual(['model.safetensors']);
  });
});

describe('a file', () => {
  test('is there with all its bytes, and nothing beside it', async () => {
    await writeFileWhole(join(folder, 'a'), [...text('one '), ...text('two')]);
    expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('one two');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('that is interrupted leaves the old one as it was, and nothing beside it', async () => {
    const path = join(folder, 'a');
    await expect(writeFileWhole(path, interrupted())).rejects.toThrow('interrupted');
    expect(readdirSync(folder)).toEqual([]);
    writeFileSync(path, 'old');
    await expect(writeFileWhole(path, interrupted())).rejects.toThrow('interrupted');
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('that several write at once is wholly one of theirs', async () => {
    const path = join(folder, 'a');
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(5000));
    await Promise.all(contents.map((content) => writeFileWhole(path, [...text(content), ...text(content)])));
    expect(contents.map((content) => content + content)).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(folder)).toEqual(['a']);
  });

  test('where nothing can be written is a UsageError that names it', async () => {
    writeFileSync(join(folder, 'plain'), '');
    mkdirSync(join(folder, 'full', 'inner'), { recursive: true });
    for (const path of [join(folder, 'missing', 'a'), join(folder, 'plain', 'a'), join(folder, 'full')]) {
      const error = await writeFileWhole(path, text('x')).catch((error) => error);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toContain(path);
    }
    expect(readdirSync(folder).sort()).toEqual(['full', 'plain']);
  });

  test('of tensors is read back as it was', async () => {
    const path = join(folder, 'x.safetensors');
    const data = Float32Array.of(1, -2, 3.5, 0, 5, 6);
    const view = new Int8Array(Int8Array.of(9, 1, 2, 3).buffer, 1, 3); // begins inside of its buffer
    await saveTensors(
      path,
      new Map<string, { shape: number[]; dtype: string; data: Float32Array | Int8Array }>([
        ['a', { shape: [2, 3], dtype: 'f32', data }],
        ['b', { shape: [3], dtype: 'i8', data: view }],
      ]),
    );
    const source = (await localFolder(folder).open('x.safetensors')) as Source;
    const read = await readAll(await readSafetensors(source));
    await source.close();
    expect(read.get('a')).toEqual({ dtype: 'F32', shape: [2, 3], bytes: new Uint8Array(data.buffer) });
    expect(read.get('b')).toEqual({ dtype: 'I8', shape: [3], bytes: Uint8Array.of(1, 2, 3) });
    const ternary = new Map([['t', { shape: [4, 1], dtype: 'ternary', data: new Uint8Array(1) }]]);
    await expect(saveTensors(path, ternary)).rejects.toThrow(UsageError);
  });
});

describe('a folder', () => {
  const target = () => join(folder, 'model');

  test('is there with all its files, made or empty before', async () => {
    for (const prepare of [() => {}, () => mkdirSync(target())]) {
      prepare();
      await writeFolderWhole(target(), [file('a', 'one'), file('b', 'two')]);
      expect(readdirSync(target()).sort()).toEqual(['a', 'b']);
      expect(readdirSync(folder)).toEqual(['model']);
      rmSync(target(), { recursive: true });
    }
  });

  test('is made with the folders above it', async () => {
    await writeFolderWhole(join(target(), 'x', 'y'), [file('a', 'one')]);
    expect(readFileSync(join(target(), 'x', 'y', 'a'), 'utf8')).toBe('one');
  });

  test('larger than its disk is refused before anything is made', async () => {
    await checkNewFolder(join(target(), 'x'), 10);
    await expect(checkNewFolder(join(target(), 'x'), 1e18)).rejects.toThrow(/has [\d.]+ MB free/);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('that is interrupted takes the folders with it that were made for it', async () => {
    const files = [{ name: 'b', bytes: interrupted }];
    await expect(writeFolderWhole(join(target(), 'x', 'y'), files)).rejects.toThrow('interrupted');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('reached by a link is filled where the link leads', async () => {
    mkdirSync(target());
    symlinkSync(target(), join(folder, 'link'));
    await writeFolderWhole(join(folder, 'link'), [file('a', 'one')]);
    expect(readFileSync(join(target(), 'a'), 'utf8')).toBe('one');
  });

  test('to which a link leads is made, and the link stays', async () => {
    symlinkSync('model', join(folder, 'link'));
    await writeFolderWhole(join(folder, 'link'), [file('a', 'one')]);
    expect(readFileSync(join(target(), 'a'), 'utf8')).toBe('one');
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    symlinkSync('circle', join(folder, 'circle'));
    await expect(writeFolderWhole(join(folder, 'circle'), [file('a', 'one')])).rejects.toThrow(UsageError);
  });

  test('that is interrupted is not there, nor anything beside it', async () => {
    const files = [file('a', 'one'), { name: 'b', bytes: interrupted }];
    await expect(writeFolderWhole(target(), files)).rejects.toThrow('interrupted');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('with something in it stays as it is', async () => {
    mkdirSync(target());
    writeFileSync(join(target(), 'mine'), 'kept');
    await expect(writeFolderWhole(target(), [file('a', 'one')])).rejects.toThrow(UsageError);
    expect(readFileSync(join(target(), 'mine'), 'utf8')).toBe('kept');
    expect(readdirSync(folder)).toEqual(['model']);
  });

  test('that fills while another is written keeps what came first', async () => {
    async function* late() {
      yield* text('late');
      mkdirSync(target(), { recursive: true });
      writeFileSync(join(target(), 'first'), 'kept');
    }
    await expect(writeFolderWhole(target(), [{ name: 'a', bytes: late }])).rejects.toThrow(UsageError);
    expect(readdirSync(target())).toEqual(['first']);
    expect(readdirSync(folder)).toEqual(['model']);
  });

  test('that several write at once is wholly that of one of them, and the others are told', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const outcomes = await Promise.allSettled(
      names.map((name) => writeFolderWhole(target(), [file('who', name), file('again', name)])),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(UsageError);
    const winner = readFileSync(join(target(), 'who'), 'utf8');
    expect(names[outcomes.findIndex(({ status }) => status === 'fulfilled')]).toBe(winner);
    expect(readFileSync(join(target(), 'again'), 'utf8')).toBe(winner);
    expect(readdirSync(folder)).toEqual(['model']);
  });

  test('where nothing can be made is a UsageError that names it', async () => {
    writeFileSync(join(folder, 'plain'), '');
    for (const path of [join(folder, 'plain'), join(folder, 'plain', 'model')]) {
      const error = await writeFolderWhole(path, [file('a', 'one')]).catch((error) => error);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toContain(path);
    }
    expect(existsSync(join(folder, 'plain'))).toBe(true);
    expect(readdirSync(folder)).toEqual(['plain']);
  });
});
