/** Hub ids in the browser: the same forms as in Node, and the tokenizer that a family borrows. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { hubReferenceOrAddress } from '../../src/hub/reference.ts';
import { openPretrained } from '../../src/web.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

afterEach(() => vi.unstubAllGlobals());

/** A server of files, by the beginnings of their addresses; what was asked for. */
function serve(folders: Readonly<Record<string, string>>): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (input: string | URL | Request, init: RequestInit = {}) => {
    const url = String(input instanceof Request ? input.url : input);
    asked.push(url);
    const [start, folder] = Object.entries(folders).find(([start]) => url.startsWith(start)) ?? [];
    const path = start && join(root, folder as string, url.slice(start.length));
    if (!path || !existsSync(path)) return new Response(null, { status: 404 });
    const bytes = readFileSync(path);
    const headers = { 'content-length': String(bytes.length), 'accept-ranges': 'bytes' };
    if (init.method === 'HEAD') return new Response(null, { headers });
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init.headers).get('range') ?? '') ?? [];
    if (from === undefined) return new Response(bytes, { headers });
    const part = bytes.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${bytes.length}`;
    return new Response(part, {
      status: 206,
      headers: { 'content-length': String(part.length), 'content-range': range },
    });
  });
  return asked;
}

test.each([
  ['org/name@dev', undefined, 'dev'],
  ['org/name', 'v1', 'v1'],
  ['https://huggingface.co/org/name', undefined, 'main'],
  ['https://huggingface.co/org/name/tree/refs/pr/1', undefined, 'refs%2Fpr%2F1'],
  ['hf://org/name', undefined, 'main'],
])('%s, revision %s', async (reference, revision, wanted) => {
  serve({ [`https://huggingface.co/org/name/resolve/${wanted}/`]: 'models/granite-tiny' });
  const { checkpoint, tokenizer } = await openPretrained(reference, { revision });
  expect(tokenizer).toBeDefined();
  await checkpoint.close();
});

test('a model without a tokenizer gets the one that its family uses', async () => {
  const asked = serve({
    'https://huggingface.co/org/name/resolve/main/': 'tests/golden/backpack-bin',
    'https://huggingface.co/openai-community/gpt2/resolve/main/': 'models/backpack-tiny',
  });
  const { checkpoint, tokenizer } = await openPretrained('org/name');
  expect(tokenizer).toBeDefined();
  expect(asked.some((url) => url.includes('openai-community/gpt2'))).toBe(true);
  await checkpoint.close();
});

test('without that tokenizer there is a warning, and a model that understands ids', async () => {
  serve({ 'https://huggingface.co/org/name/resolve/main/': 'tests/golden/backpack-bin' });
  const warnings: string[] = [];
  const opened = await openPretrained('org/name', { onWarning: (message) => warnings.push(message) });
  expect(opened.tokenizer).toBeUndefined();
  expect(warnings.join(' ')).toMatch(/^no tokenizer, so only token ids are understood/);
  await opened.checkpoint.close();
});

test('addresses of other servers, of files on the hub, and paths are folders', () => {
  for (const text of [
    ...['/models/granite-tiny', './org/name', '../org/name', 'granite-tiny', 'https://example.org/org/name'],
    ...['blob:https://example.org/1', 'https://huggingface.co/org/name/resolve/main/sub/folder'],
  ])
    expect(hubReferenceOrAddress(text), text).toBeUndefined();
});
