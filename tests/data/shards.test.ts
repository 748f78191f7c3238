/** Tokens on disk: what comes back is what was written, after a stop as in one go, and damage is named. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataOptions } from '../../src/data/options.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { TOKENIZE_LIMITS, type TokenizeProgress } from '../../src/data/tokenize-node.ts';
import { context, idsOf, passOf, prepareData, scratch, tokenizer } from './tokens.ts';

/** Small, so that a few texts make several shards and pieces. */
const limits = { shardTokens: 60, fileTokens: 20, pieceCharacters: 1500 };

const sentence = (i: number) => `Sentence number ${i} is here.`;
const story = (from: number, count: number) => Array.from({ length: count }, (_, i) => sentence(from + i)).join('\n');

/** A folder with files of all line-based kinds; what is in them, as documents in order. */
function corpus() {
  const folder = scratch();
  mkdirSync(join(folder, 'texts'));
  writeFileSync(join(folder, 'texts', 'a.txt'), story(0, 20));
  writeFileSync(join(folder, 'texts', 'b.txt'), `\uFEFF${story(20, 3)}`);
  const small = Array.from({ length: 15 }, (_, i) => ({ text: story(50 + i, 2) }));
  const records = [{ text: story(30, 2) }, { prompt: 'One', completion: ' two' }, ...small, { text: story(40, 9) }];
  writeFileSync(join(folder, 'c.jsonl'), records.map((record) => `${JSON.stringify(record)}\r\n\n`).join(''));
  const documents = [{ text: story(0, 20) }, { text: story(20, 3) }, ...records];
  const options: DataOptions = {
    files: ['texts', '*.jsonl'],
    sequence: 8,
    rows: 'windows',
    shuffle: false,
    cache: 'cache',
  };
  return { folder, documents, options };
}

const shardsIn = (cache: string) =>
  readdirSync(cache, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.safetensors'));

describe('tokens in shards', () => {
  test('are those of the same texts in memory', async () => {
    const { folder, documents, options } = corpus();
    const stored = await prepareData(options, { ...context, directory: folder, limits });
    const { files: _, cache: __, ...rest } = options;
    const direct = await prepareMemory({ ...rest, records: documents }, context);
    expect(await passOf(stored.train)).toEqual(
      await passOf(direct.train).then((rows) => rows.map(({ ids, mask }) => ({ ids, mask }))),
    );
    expect(stored).toMatchObject({ tokens: direct.tokens, documents: 20 });
    expect(shardsIn(join(folder, 'cache')).length).toBeGreaterThan(4);
    await stored.close();
  });

  test('with each document as a row, and with files apart', async () => {
    const { folder, documents, options } = corpus();
    const { files: _, cache: __, ...rest } = options;
    const wide = { rows: 'documents', sequence: 500 } as const;
    const stored = await prepareData({ ...options, ...wide }, { ...context, directory: folder, limits });
    expect(await idsOf(stored.train)).toEqual(
      await idsOf((await prepareMemory({ ...rest, ...wide, records: documents }, context)).train),
    );
    const apart = await prepareData(
      { ...options, join: 'file', tail: 'keep', sequence: 5000 },
      { ...context, directory: folder, limits },
    );
    expect(apart.train.count).toBe(3);
    await stored.close();
    await apart.close();
  });

  test('are made once: a second start, also with other times of the files, tokenises nothing', async () => {
    const { folder, options } = corpus();
    const seen: TokenizeProgress[] = [];
    const go = () => prepareData(options, { ...context, directory: folder, limits, onProgress: (p) => seen.push(p) });
    const first = await go();
    expect(seen.at(-1)).toMatchObject({ documents: 20, files: 3, index: 2, tokens: first.tokens });
    expect(seen.at(-1)?.loaded).toBe(seen.at(-1)?.total);
    seen.length = 0;
    utimesSync(join(folder, 'c.jsonl'), 1, 1);
    const second = await go();
    expect(seen).toEqual([]);
    expect(second.train.identity).toBe(first.train.identity);
  });

  test('are made anew when content, tokenizer or options change', async () => {
    const { folder, options } = corpus();
    const cache = join(folder, 'cache');
    const go = async (more: DataOptions = {}, tokenizerIdentity = 'tiny') => {
      await (
        await prepareData({ ...options, ...more }, { ...context, tokenizerIdentity, directory: folder, limits })
      ).close();
      return readdirSync(cache).filter((name) => name !== 'inputs.json').length;
    };
    expect(await go()).toBe(1);
    expect(await go({ sequence: 9, stride: 3, tail: 'keep', seed: 5 })).toBe(1); // rows are cut when they are read
    expect(await go({ ends: '' })).toBe(2);
    expect(await go({}, 'another')).toBe(3);
    writeFileSync(join(folder, 'texts', 'b.txt'), story(20, 4));
    expect(await go()).toBe(4);
  });

  test('after a stop at any moment, they are as in one go, and finished files are not read again', async () => {
    const { folder, options } = corpus();
    const all = { ...options, validation: 0.3 };
    const whole = await prepareData({ ...all, cache: 'whole' }, { ...context, directory: folder, limits });
    const wanted = [await passOf(whole.train), await passOf(whole.validation), whole.train.identity];
    for (let stop = 1; stop < 20; stop += 3) {
      const cache = `stopped-${stop}`;
      let encoded = 0;
      const files: number[] = [];
      const stopping = new Proxy(tokenizer, {
        get: (target, name) =>
          name !== 'encode'
            ? Reflect.get(target, name)
            : (...args: Parameters<typeof target.encode>) => {
                if (encoded++ === stop) throw new Error('stopped');
                return target.encode(...args);
              },
      });
      const onProgress = ({ index }: TokenizeProgress) => files.push(index);
      const first = { ...context, tokenizer: stopping, directory: folder, limits };
      await expect(prepareData({ ...all, cache }, first)).rejects.toThrow('stopped');
      const manifest = readdirSync(join(folder, cache)).find((name) =>
        existsSync(join(folder, cache, name, 'data.json')),
      );
      const next = manifest
        ? JSON.parse(readFileSync(join(folder, cache, manifest, 'data.json'), 'utf8')).next.file
        : 0;
      const again = await prepareData({ ...all, cache }, { ...context, directory: folder, limits, onProgress });
      expect(files.every((index) => index >= next)).toBe(true);
      expect([await passOf(again.train), await passOf(again.validation), again.train.identity]).toEqual(wanted);
      await again.close();
    }
    await whole.close();
  });

  test('any documents come back, whatever the sizes of shards and pieces', async () => {
    const document = fc.oneof(
      fc.record({ text: fc.string({ unit: 'grapheme', maxLength: 60 }) }),
      fc.record({ prompt: fc.string({ maxLength: 9 }), completion: fc.string({ maxLength: 9 }) }),
    );
    const small = {
      shardTokens: fc.integer({ min: 1, max: 40 }),
      fileTokens: fc.integer({ min: 1, max: 40 }),
      pieceCharacters: fc.constant(1000),
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(document, { minLength: 1, maxLength: 12 }),
        fc.record(small),
        fc.integer({ min: 1, max: 12 }),
        async (records, limits, sequence) => {
          const folder = scratch();
          writeFileSync(join(folder, 'x.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
          const options = { sequence, tail: 'keep', rows: 'windows' } as const;
          const read = async (prepare: () => ReturnType<typeof prepareMemory>) =>
            prepare().then(
              ({ train }) => passOf(train),
              (error: Error) => error.message,
            );
          const direct = await read(() => prepareMemory({ ...options, records }, context));
          expect(
            await read(() =>
              prepareData({ ...options, files: 'x.jsonl', cache: 'c' }, { ...context, directory: folder, limits }),
            ),
          ).toEqual(direct);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('a long text in pieces gives the ids of the whole', async () => {
    const folder = scratch();
    writeFileSync(join(folder, 'long.txt'), story(0, 400));
    const rows = { sequence: 20_000, tail: 'keep' } as const;
    const pieces = await prepareData(
      { ...rows, files: 'long.txt', cache: 'c' },
      { ...context, directory: folder, limits },
    );
    const whole = await prepareMemory({ ...rows, texts: [story(0, 400)] }, context);
    expect(pieces.documents).toBe(1);
    expect(await idsOf(pieces.train)).toEqual(await idsOf(whole.train));
  });

  test('that were closed are not read any more', async () => {
    const { folder, options } = corpus();
    const { train, close } = await prepareData(options, { ...context, directory: folder, limits });
    await train.batch(0, 1);
    await close();
    await expect(train.batch(0, 1)).rejects.toThrow('the training data was closed');
  });

  test('files for validation are kept apart', async () => {
    const { folder, options } = corpus();
    const data = await prepareData(
      { ...options, files: 'texts/a.txt', validationFiles: '*.jsonl' },
      { ...context, directory: folder, limits },
    );
    const own = await prepareMemory({ texts: [story(0, 20)], sequence: 8, shuffle: false }, context);
    expect(await idsOf(data.train)).toEqual(await idsOf(own.train));
    expect(data.validation?.count).toBeGreaterThan(5);
    await expect(
      prepareData({ ...options, validationFiles: 'c.jsonl' }, { ...context, directory: folder }),
    ).rejects.toThrow(/both in data\.files and in/);
  });
});

describe('damage', () => {
  const damages: [string, (path: string) => void, RegExp][] = [
    [
      'a changed byte',
      (path) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 1]! ^= 1;
        writeFileSync(path, bytes);
      },
      /its checksum is [0-9a-f]{64}, wanted/,
    ],
    ['a shard cut off', (path) => truncateSync(path, statSync(path).size - 3), /damaged/],
    ['an empty shard', (path) => truncateSync(path, 0), /damaged/],
    ['a missing shard', (path) => rmSync(path), /is missing/],
  ];
  test.each(damages)('%s is an error that names the shard and says what to do', async (_, damage, message) => {
    const { folder, options } = corpus();
    const go = () => prepareData(options, { ...context, directory: folder, limits });
    await (await go()).close();
    const cache = join(folder, 'cache');
    const shard = shardsIn(cache).sort()[1] as string;
    const key = shard.split('/')[0] as string;
    damage(join(cache, shard));
    const data = await go();
    const error = await passOf(data.train).then(
      () => undefined,
      (error: Error) => error,
    );
    expect(error?.name).toBe('CheckpointError');
    expect(error?.message).toMatch(message);
    expect(error?.message).toContain(`the shard ${join(cache, shard)}`);
    expect(error?.message).toContain(`Delete the folder ${join(cache, key)};`);
    await data.close();
    rmSync(join(cache, key), { recursive: true });
    expect((await passOf((await go()).train)).length).toBe(data.train.count);
  });

  test('a damaged list of shards', async () => {
    const { folder, options } = corpus();
    const go = () => prepareData(options, { ...context, directory: folder, limits });
    await (await go()).close();
    const list = join(
      folder,
      'cache',
      (shardsIn(join(folder, 'cache'))[0] as string).split('/')[0] as string,
      'data.json',
    );
    for (const text of ['', '{', '{}', readFileSync(list, 'utf8').replace('"isDone": true', '"isDone": 1')]) {
      writeFileSync(list, text);
      await expect(go()).rejects.toThrow(/data\.json is damaged.*Delete the folder/);
    }
  });

  test('a half-written shard is not taken for whole, and a shard that is not listed is written anew', async () => {
    const { folder, options } = corpus();
    const go = () => prepareData(options, { ...context, directory: folder, limits });
    const first = await go();
    const wanted = await passOf(first.train);
    const key = (shardsIn(join(folder, 'cache'))[0] as string).split('/')[0] as string;
    const list = join(folder, 'cache', key, 'data.json');
    const manifest = JSON.parse(readFileSync(list, 'utf8'));
    const begun = {
      ...manifest,
      isDone: false,
      next: { file: 0, place: { offset: 0, line: 0, isWithin: false } },
      documents: 0,
      fileEnds: [],
      shards: { train: [], validation: [] },
    };
    writeFileSync(list, JSON.stringify(begun));
    writeFileSync(join(folder, 'cache', key, 'train-00000.safetensors'), 'half');
    expect(await passOf((await go()).train)).toEqual(wanted);
  });

  test('the limits of the tokenising process are large', () =>
    expect(TOKENIZE_LIMITS.shardTokens).toBeGreaterThan(1e6));
});
