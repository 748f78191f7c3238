/** Files of training data: which are meant, and what is wrong with one, by file and line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type DataFile, findFiles } from '../../src/data/files-node.ts';
import type { DataOptions } from '../../src/data/options.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { FILE_START } from '../../src/data/source-item.ts';
import { readTextFile } from '../../src/data/text-node.ts';
import { context, idsOf, prepareData, scratch } from './tokens.ts';

function filled(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = scratch();
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const read = (folder: string, options: DataOptions, onWarning?: (message: string) => void) =>
  prepareData(
    { cache: 'cache', rows: 'documents', shuffle: false, ...options },
    { ...context, directory: folder, onWarning },
  );

const rowsOf = async (texts: readonly string[]) =>
  idsOf((await prepareMemory({ texts, rows: 'documents', shuffle: false }, context)).train);

describe('names of files', () => {
  const names = {
    'b.txt': '',
    'a.jsonl': '',
    'deep/er/c.txt.gz': '',
    'deep/x.json': '',
    'deep/notes.pdf': '',
    '.hidden.txt': '',
  };
  const found = async (folder: string, files: string | string[]) =>
    (await findFiles(files, folder)).map(({ path }) => path.slice(folder.length + 1));

  test('are paths, folders and patterns, each in one order and once', async () => {
    const folder = filled(names);
    expect(await found(folder, '.')).toEqual(['a.jsonl', 'b.txt', 'deep/er/c.txt.gz']);
    expect(await found(folder, '*.txt')).toEqual(['b.txt']);
    expect(await found(folder, '**/*.{txt,txt.gz}')).toEqual(['b.txt', 'deep/er/c.txt.gz']);
    expect(await found(folder, ['b.txt', '.', join(folder, 'deep/x.json')])).toEqual([
      'b.txt',
      'a.jsonl',
      'deep/er/c.txt.gz',
      'deep/x.json',
    ]);
  });

  test('that exist are taken as they are, also with signs of patterns', async () => {
    const folder = filled({ 'a[1].txt': '', 'a1.txt': '' });
    expect(await found(folder, 'a[1].txt')).toEqual(['a[1].txt']);
  });

  test('without a file, or of an unknown kind, are errors', async () => {
    const folder = filled(names);
    for (const name of ['none.txt', 'none/*.txt', '*.parquet'])
      await expect(findFiles(name, folder)).rejects.toThrow(`'${name}' means no file`);
    mkdirSync(join(folder, 'empty'));
    await expect(findFiles('empty', folder)).rejects.toThrow(
      "the folder 'empty' has no file of the kinds txt, text, md",
    );
    await expect(findFiles('empty', folder, 'text')).rejects.toThrow("the folder 'empty' has no file.");
    await expect(findFiles('deep/*', folder)).rejects.toThrow(/notes\.pdf: its ending does not say.*data\.kind/);
    expect(await findFiles('deep/notes.pdf', folder, 'text')).toMatchObject([{ kind: 'text', isGzip: false }]);
  });
});

describe('text files', () => {
  test('are one document each, or several with a text between them', async () => {
    const folder = filled({ 'a.txt': 'one\n---\ntwo\n---\n\n---\nthree' });
    expect(await idsOf((await read(folder, { files: 'a.txt' })).train)).toEqual(
      await rowsOf(['one\n---\ntwo\n---\n\n---\nthree']),
    );
    const parts = await read(folder, { files: 'a.txt', separator: '\n---\n' });
    expect(await idsOf(parts.train)).toEqual(await rowsOf(['one', 'two', 'three']));
  });

  test('come in the same pieces however much is read at once', async () => {
    const paragraphs = Array.from({ length: 4000 }, (_, i) => `Paragraph ${i} ${'has words '.repeat(i % 90)}.`);
    const text = paragraphs.map((one, i) => one + (i % 400 === 399 ? '\n---\n' : '\n')).join('');
    expect(text.length).toBeGreaterThan(1.5 * 2 ** 20);
    const folder = filled({ 'a.txt': text, 'a.txt.gz': gzipSync(text) });
    const options = {
      separator: '\n---\n',
      pieceCharacters: 100_000,
      cut: (piece: string) => piece.lastIndexOf('\n') + 1,
    };
    const pieces = async (name: string, from = FILE_START) => {
      const all = [];
      const [file] = await findFiles(name, folder);
      for await (const { bytesRead: _, ...item } of readTextFile(file as DataFile, options, from)) all.push(item);
      return all;
    };
    const all = await pieces('a.txt');
    expect(all.length).toBeGreaterThan(15);
    expect(all.filter(({ part }) => part.isLast).length).toBe(10);
    expect(await pieces('a.txt.gz')).toEqual(all);
    for (const at of [0, 7, all.length - 2]) expect(await pieces('a.txt', all[at]?.next)).toEqual(all.slice(at + 1));
  });

  test('packed are unpacked', async () => {
    const folder = filled({ 'a.txt.gz': gzipSync('packed text'), 'b.jsonl.gz': gzipSync('{"text":"line"}\n') });
    expect(await idsOf((await read(folder, { files: '.' })).train)).toEqual(await rowsOf(['packed text', 'line']));
    writeFileSync(join(folder, 'a.txt.gz'), gzipSync('packed text').subarray(0, 20));
    await expect(read(folder, { files: '.' })).rejects.toThrow(/a\.txt\.gz cannot be read/);
  });

  test('of other encodings are refused', async () => {
    const folder = filled({ 'a.txt': Buffer.from('caf\xe9 au lait', 'latin1') });
    await expect(read(folder, { files: 'a.txt' })).rejects.toThrow(/a\.txt is no text in UTF-8: byte 4/);
  });

  test.each([
    ['in a later chunk', 3 << 20, [0xff, 0x61], `byte ${3 << 20},`],
    ['in a character that two chunks share', (1 << 20) - 1, [0xe2, 0x82, 0xff], `byte ${(1 << 20) + 1},`],
    ['at the end', 100, [0xe2, 0x82], 'its last character is cut off'],
  ])('are refused with the byte that cannot stand there: %s', async (_, at, wrong, message) => {
    const folder = filled({ 'a.txt': Buffer.concat([Buffer.alloc(at, 'a'), Buffer.from(wrong)]) });
    await expect(read(folder, { files: 'a.txt' })).rejects.toThrow(message);
  });
});

describe('JSONL files', () => {
  test('give a long text the ids that a text file gives it, in pieces', async () => {
    const text = Array.from({ length: 400 }, (_, i) => `Paragraph ${i} has ${'words '.repeat(i % 9)}.`).join('\n');
    const folder = filled({ 'a.txt': text, 'a.jsonl': `${JSON.stringify({ text })}\n` });
    let longest = 0;
    const tokenizer = new Proxy(context.tokenizer, {
      get(own, key) {
        if (key !== 'encode') return Reflect.get(own, key, own);
        return (...given: Parameters<typeof own.encode>) => {
          longest = Math.max(longest, given[0].length);
          return own.encode(...given);
        };
      },
    });
    const limits = { shardTokens: 4000, fileTokens: 1000, pieceCharacters: 2000 };
    const rows = async (files: string) => {
      const options = { files, cache: `cache-${files}`, rows: 'documents', shuffle: false } as const;
      const { train } = await prepareData(options, { ...context, directory: folder, tokenizer, limits });
      return idsOf(train);
    };
    const wanted = await rows('a.txt');
    expect(await rows('a.jsonl')).toEqual(wanted);
    expect(wanted).toEqual(await rowsOf([text]));
    expect(longest).toBeLessThan(2100);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '{"text":"a"}\n\n{"text":"b"\n', /bad\.jsonl, line 3: it is no JSON/],
    ['a list over several lines', '[\n{"text":"a"}\n]', /line 1: .*not a list/],
    ['no object', '{"text":"a"}\n7\n', /line 2: it holds 7, wanted an object/],
    ['no known field', '{"words":"a"}', /line 1: it has the fields \["words"\]/],
    ['another type', '{"text":["a"]}', /line 1: its field 'text' holds \["a"\], wanted a text/],
    ['no UTF-8', '{"text":"\xff"}', /line 1: it is no text in UTF-8/],
    ['a message without role', '{"messages":[{"content":"a"}]}', /line 1: its field 'messages' holds the message/],
    ['a chat without a template', '{"messages":[{"role":"user","content":"a"}]}', /chat_template\.jinja/],
  ])('%s is an error with file and line', async (_, content, message) => {
    const folder = filled({ 'bad.jsonl': Buffer.from(content, 'latin1') });
    await expect(read(folder, { files: 'bad.jsonl' })).rejects.toThrow(message);
  });

  test('bad lines are left out on request, and told', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? `{"text":"line ${i}"}` : 'bad'));
    const folder = filled({ 'a.jsonl': lines.join('\n') });
    const warnings: string[] = [];
    const data = await read(folder, { files: 'a.jsonl', badRecords: 'skip' }, (message) => warnings.push(message));
    expect(data.documents).toBe(10);
    expect(warnings).toHaveLength(6);
    expect(warnings[0]).toMatch(/a\.jsonl, line 2 is left out: it is no JSON/);
    expect(warnings[5]).toMatch(/10 records were left out/);
  });

  test('fields have the names that are given', async () => {
    const folder = filled({ 'a.jsonl': '{"body":"one","text":"two"}\n' });
    expect(await idsOf((await read(folder, { files: 'a.jsonl', field: 'body' })).train)).toEqual(await rowsOf(['one']));
    await expect(read(folder, { files: 'a.jsonl', field: 'content' })).rejects.toThrow(
      /no field 'content', only \["body","text"\]/,
    );
  });

  test('lines may be longer than what is read at once', async () => {
    const long = 'many words '.repeat(200_000);
    const folder = filled({ 'a.jsonl': `{"text":"short"}\n${JSON.stringify({ text: long })}\n{"text":"last"}` });
    const data = await read(folder, { files: 'a.jsonl' });
    expect(data.documents).toBe(3);
    expect((await idsOf(data.train))[2]).toEqual((await rowsOf(['last']))[0]);
  });
});
