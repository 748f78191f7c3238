/** Texts for the prompts of a file: those of `generate`, in the order of the lines, whoever computes them. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type BatchOptions,
  fromPretrained,
  generateFile,
  type Model,
  readPrompts,
  serveQueue,
} from '../../src/node.ts';
import { redisServer, startRedis } from '../redis.ts';

let model: Model;
beforeAll(async () => {
  model = await fromPretrained('granite-tiny', { threads: 1 });
});
afterAll(() => model.dispose());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'batch-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const PROMPTS = ['The cat', 'Once upon a time', 'A dog', 'Then', 'The old man', 'Once upon a river', 'The cat'];

function prompts(lines: readonly unknown[] = PROMPTS.map((prompt, id) => ({ id, prompt }))) {
  writeFileSync(path('in.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join('\n'));
  return readPrompts(path('in.jsonl'));
}

const OPTIONS: BatchOptions = { maxNewTokens: 12, sampling: { temperature: 0.8, seed: 3 } };

async function written(options: BatchOptions, name = 'out.jsonl'): Promise<{ id: number; completion: string }[]> {
  const { failures } = await generateFile(model, prompts(), path(name), options);
  expect(failures).toEqual([]);
  expect(existsSync(path(`${name}.answers`))).toBe(false);
  return readFileSync(path(name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

it('each text is that of its prompt alone', async () => {
  const rows = await written(OPTIONS);
  expect(rows.map(({ id }) => id)).toEqual([...PROMPTS.keys()]);
  expect(rows[6]?.completion).toBe(rows[0]?.completion);
  for (const [i, prompt] of PROMPTS.entries()) {
    const { text } = await model.complete(prompt, { maxNewTokens: 12, temperature: 0.8, seed: 3 });
    expect(rows[i]?.completion).toBe(text);
  }
});

it('a run that was stopped goes on, and another one is refused', async () => {
  const expected = await written(OPTIONS);
  const stop = new AbortController();
  const alone = { ...OPTIONS, stateBytes: 1 }; // one prompt after another
  const onProgress: BatchOptions['onProgress'] = ({ done }) => done === 3 && stop.abort();
  await expect(written({ ...alone, signal: stop.signal, onProgress }, 'stopped.jsonl')).rejects.toThrow(/abort/);
  expect(existsSync(path('stopped.jsonl'))).toBe(false);
  await expect(written(alone, 'stopped.jsonl')).rejects.toThrow(/--resume/);
  await expect(written({ ...alone, maxNewTokens: 11, resume: true }, 'stopped.jsonl')).rejects.toThrow(/differs/);
  expect(await written({ ...alone, resume: true }, 'stopped.jsonl')).toEqual(expected);
});

it.skipIf(!redisServer)('by a queue they are the same', async () => {
  const redis = await startRedis();
  const stop = new AbortController();
  const workers = [1, 2].map(() => serveQueue(model, { url: redis.url, signal: stop.signal }));
  try {
    const queue = { url: redis.url, batch: 2 };
    expect(await written({ ...OPTIONS, queue })).toEqual(await written(OPTIONS, 'local.jsonl'));
  } finally {
    stop.abort();
    await Promise.all(workers);
    await redis.stop();
  }
});

describe('lines that are refused', () => {
  it.each([
    ['no prompt', [{ prompt: 'a' }, { text: 'b' }], /line 3 of .*in.jsonl has no text 'prompt'.*--field/],
    ['a number', [{ prompt: 7 }], /line 1 .*has no text 'prompt'/],
    ['no object', [null], /line 1 .*has no text/],
    ['none at all', [], /is empty/],
  ])('%s', (_, lines, message) => {
    expect(() => prompts(lines)).toThrow(message);
  });

  it('no UTF-8; a mark of the order of bytes is none of the text', () => {
    writeFileSync(path('in.jsonl'), new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x7d]));
    expect(() => readPrompts(path('in.jsonl'))).toThrow(/in.jsonl is no text in UTF-8/);
    writeFileSync(path('in.jsonl'), '\ufeff{"prompt": "a"}\r\n');
    expect(readPrompts(path('in.jsonl'))).toEqual([{ line: 1, prompt: 'a', row: { prompt: 'a' } }]);
  });

  it('no JSON', () => {
    writeFileSync(path('in.jsonl'), 'prompt\n');
    expect(() => readPrompts(path('in.jsonl'))).toThrow(/line 1 .* is no JSON/);
  });
});
