/** Parquet files, as pyarrow writes them (tools/reference/make_parquet.py). */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { DataOptions } from '../../src/data/options.ts';
import { prepareMemory } from '../../src/data/prepare.ts';
import { createChatTemplate } from '../../src/tokenizer/chat-template.ts';
import { context, idsOf, passOf, prepareData, scratch } from './tokens.ts';

const directory = fileURLToPath(new URL('../fixtures/parquet', import.meta.url));
const texts = Array.from({ length: 50 }, (_, i) => `Row ${i} has a text: naïve 🙂\n${'more '.repeat(i % 7)}end.`);
const plain = { rows: 'documents', shuffle: false } as const;

const read = (options: DataOptions, more: object = {}) =>
  prepareData({ cache: scratch(), ...plain, ...options }, { ...context, directory, ...more });

describe('Parquet files', () => {
  test.each(['snappy.parquet', 'zstd.parquet'])('%s: the texts in order', async (files) => {
    const { train, documents } = await read({ files });
    expect(documents).toBe(50);
    expect(await idsOf(train)).toEqual(await idsOf((await prepareMemory({ ...plain, texts }, context)).train));
  });

  test('after a stop, from the row on', async () => {
    const options = { files: 'snappy.parquet', cache: scratch() };
    const limits = { shardTokens: 100, fileTokens: 10, pieceCharacters: 1000 };
    const watched = (onText: (text: string) => void) =>
      new Proxy(context.tokenizer, {
        get: (target, name) => {
          if (name !== 'encode') return Reflect.get(target, name);
          return (...args: Parameters<typeof target.encode>) => {
            onText(args[0]);
            return target.encode(...args);
          };
        },
      });
    const stop = new AbortController();
    const stopping = watched((text) => text.startsWith('Row 30') && stop.abort());
    await expect(read(options, { limits, tokenizer: stopping, signal: stop.signal })).rejects.toThrow(/abort/i);
    const seen: string[] = [];
    const { train } = await read(options, { limits, tokenizer: watched((text) => seen.push(text)) });
    expect(await idsOf(train)).toEqual(await idsOf((await prepareMemory({ ...plain, texts }, context)).train));
    expect(seen.length).toBeLessThan(30);
  });

  test('chats, with the loss on answers', async () => {
    const chatTemplate = await createChatTemplate(
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
    );
    const rows = await passOf((await read({ files: 'chats.parquet' }, { chatTemplate })).train);
    expect(rows).toHaveLength(5);
    const answer = rows[3]?.ids.slice(1).filter((_, i) => rows[3]?.mask?.[i] === 1) ?? [];
    expect(context.tokenizer.decode(answer)).toBe(' Answer 3\n');
  });

  test('rows that cannot be read are named', async () => {
    await expect(read({ files: 'nulls.parquet', field: 'body' })).rejects.toThrow(
      /nulls\.parquet, row 1: its field 'body' holds null/,
    );
    expect((await read({ files: 'nulls.parquet', field: 'body', badRecords: 'skip', ends: '{eos}' })).documents).toBe(
      2,
    );
    await expect(read({ files: 'nulls.parquet' })).rejects.toThrow(
      /has the columns body, but none of text, .*data\.field/,
    );
    await expect(read({ files: 'snappy.parquet', field: 'body' })).rejects.toThrow(/but no 'body'/);
  });

  test('that are damaged are errors with their names', async () => {
    const folder = scratch();
    const bytes = readFileSync(join(directory, 'snappy.parquet'));
    writeFileSync(join(folder, 'cut.parquet'), bytes.subarray(0, 500));
    copyFileSync(join(directory, 'snappy.parquet'), join(folder, 'bad.parquet'));
    writeFileSync(
      join(folder, 'bad.parquet'),
      Buffer.concat([bytes.subarray(0, 40), Buffer.alloc(400, 255), bytes.subarray(440)]),
    );
    for (const files of ['cut.parquet', 'bad.parquet'])
      await expect(read({ files }, { directory: folder })).rejects.toThrow(
        new RegExp(`${files} cannot be read as Parquet`),
      );
  });
});
