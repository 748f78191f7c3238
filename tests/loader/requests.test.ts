/** A small model from a server of files takes a handful of requests. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { httpFolder } from '../../src/checkpoint/folder-http.ts';
import { openModel } from '../../src/loader/open.ts';

test.each(['granite-tiny', 'mamba-tiny'])('%s', async (name) => {
  const folder = fileURLToPath(new URL(`../../models/${name}/`, import.meta.url));
  const asked: string[] = [];
  const fetch = async (url: string, { method = 'GET', headers }: RequestInit = {}) => {
    const file = url.slice(url.lastIndexOf('/') + 1);
    asked.push(`${method} ${file}`);
    if (!existsSync(folder + file)) return new Response(null, { status: 404 });
    const bytes = readFileSync(folder + file);
    if (method === 'HEAD') return new Response(null, { headers: { 'content-length': String(bytes.length) } });
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(headers).get('range') ?? '') ?? [];
    const part = bytes.subarray(Number(from), Number(to) + 1);
    const range = `bytes ${from}-${to}/${bytes.length}`;
    return new Response(part, { status: 206, headers: { 'content-range': range } });
  };
  const opened = await openModel(httpFolder('http://127.0.0.1/model', { fetch }));
  const tensors = opened.checkpoint.tensors.size;
  const model = await Model.load(opened, createReferenceBackend());
  const weights = asked.filter((one) => one === 'GET model.safetensors');
  expect(tensors).toBeGreaterThan(20);
  expect(weights.length).toBeLessThanOrEqual(5);
  expect(asked.length).toBeLessThan(25);
  await model.dispose();
});
