/** Adapters from the hub lie in the cache of models, and a state goes on with the adapter that it was read with: both are known before any weight is read. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Model } from '../../src/api/model.ts';
import { createReferenceBackend } from '../../src/backends/reference/index.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openModel } from '../../src/loader/open.ts';
import { adapterTracesOf, locateAdapter } from '../../src/node.ts';
import { COMMIT, type FakeHub, fakeHub } from '../hub/fake-hub.ts';

const pathOf = (name: string) => fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
const own = pathOf('peft/llama');
const repo = 'org/my-adapter';

let hub: FakeHub;
let cacheDir = '';
beforeAll(async () => {
  const names = readdirSync(own).filter((name) => name.startsWith('adapter_'));
  const file = (name: string) => ({ content: readFileSync(join(own, name)), large: name.endsWith('.safetensors') });
  hub = await fakeHub(Object.fromEntries(names.map((name) => [name, file(name)])), repo);
  cacheDir = mkdtempSync(join(tmpdir(), 'portmanteau-adapter-'));
});
afterAll(async () => {
  await hub[Symbol.asyncDispose]();
  rmSync(cacheDir, { recursive: true, force: true });
});

it('is downloaded once, with the files of one commit, and found offline from then on', async () => {
  const options = { cacheDir, endpoint: hub.endpoint, token: '' };
  const folder = await locateAdapter(repo, options);
  expect(folder).toBe(join(cacheDir, 'models--org--my-adapter', 'snapshots', COMMIT));
  for (const name of readdirSync(folder))
    expect(readFileSync(join(folder, name)).equals(readFileSync(join(own, name)))).toBe(true);
  expect(readdirSync(folder)).toHaveLength(2);
  const sent = hub.bytesSent;
  expect(await locateAdapter(`${repo}@main`, options)).toBe(folder);
  expect(await locateAdapter(repo, { ...options, offline: true })).toBe(folder);
  expect(hub.bytesSent).toBe(sent);
});

it('is a folder, a hub id, or an error that says so', async () => {
  expect(await locateAdapter(own)).toBe(own);
  await expect(locateAdapter('./nosuch')).rejects.toThrow("there is no folder './nosuch'");
  await expect(locateAdapter('src/nosuch')).rejects.toThrow('write hf://src/nosuch');
  await expect(locateAdapter('org/nosuch', { cacheDir, offline: true })).rejects.toThrow('adapter_config.json');
});

it('has the same key before it is loaded as afterwards, by which states know it', async () => {
  const { model: name } = JSON.parse(readFileSync(join(own, 'golden.json'), 'utf8')) as { model: string };
  const opened = await openModel(localFolder(pathOf(name)), { weights: 'f32' });
  const before = await adapterTracesOf(opened, own);
  const model = await Model.load(opened, createReferenceBackend());
  const adapter = await model.loadAdapter(localFolder(own));
  expect(before.traces(0, 7)).toEqual(adapter.traces(0, 7));
  expect(before.traces(0, 7)).toHaveLength(1);
  await adapter.dispose();
  await model.dispose();
});
