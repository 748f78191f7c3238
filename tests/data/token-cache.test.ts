/** Folders of tokens are listed and removed; nothing else in the cache is. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listTokens, removeTokens } from '../../src/data/token-cache-node.ts';

const IDS = ['ab', 'ac', 'f0'].map((start) => start.padEnd(32, '1'));
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'portmanteau-tokens-'));
  for (const [i, id] of IDS.entries()) {
    mkdirSync(join(directory, id));
    const shards = { train: [{ tokens: 1000 * i }], validation: [{ tokens: 7 }] };
    writeFileSync(join(directory, id, 'data.json'), i === 2 ? '{' : JSON.stringify({ isDone: i === 0, shards }));
    writeFileSync(join(directory, id, 'train-00000.safetensors'), new Uint8Array(100));
  }
  mkdirSync(join(directory, 'mine'));
  mkdirSync(join(directory, 'ff'.padEnd(32, '1'))); // without a list
  writeFileSync(join(directory, 'inputs.json'), '{}');
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('each folder is told with its tokens, its bytes and whether it is complete', async () => {
  const found = new Map((await listTokens({ directory })).map((one) => [one.id, one]));
  expect([...found.keys()].sort()).toEqual(IDS);
  expect(found.get(IDS[0] as string)).toMatchObject({ tokens: 7, isDone: true });
  expect(found.get(IDS[1] as string)).toMatchObject({ tokens: 1007, isDone: false });
  expect(found.get(IDS[2] as string)).toMatchObject({ tokens: undefined, isDone: false, bytes: 101 });
});

test('a name that fits none or several removes nothing', async () => {
  await expect(removeTokens(['f0', 'a'], { directory })).rejects.toThrow("'a' begins several names");
  await expect(removeTokens(['mine'], { directory })).rejects.toThrow("there are no tokens 'mine'");
  await expect(removeTokens([''], { directory })).rejects.toThrow('there are no tokens');
  await expect(removeTokens(['../mine'], { directory })).rejects.toThrow('there are no tokens');
  expect(await listTokens({ directory })).toHaveLength(3);
});

test('a beginning removes the folder that it fits, and nothing else', async () => {
  const { removed, freedBytes } = await removeTokens(['ab', 'f0', IDS[2] as string], { directory });
  expect(removed).toEqual([IDS[0], IDS[2]]);
  expect(freedBytes).toBeGreaterThan(200);
  expect((await listTokens({ directory })).map(({ id }) => id)).toEqual([IDS[1]]);
  expect(existsSync(join(directory, 'mine'))).toBe(true);
});
