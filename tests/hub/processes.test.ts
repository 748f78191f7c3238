import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { blobName, COMMIT, type FakeHub, fakeHub, large, small } from './fake-hub.ts';
import { scratch } from './scratch.ts';

const folder = scratch();
const weights = large(2_000_000);
const FILES = { 'config.json': small('{}'), 'tokenizer.json': small('[]'), 'model.safetensors': weights };
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** As built: Node 20 reads no types. */
const script = new URL('../../dist/src/hub/hub-node.js', import.meta.url).href;

function pull(hub: FakeHub): { child: ChildProcess; done: Promise<string> } {
  const options = { endpoint: hub.endpoint, cacheDir: join(folder.path, 'hub'), backoffMs: 1 };
  const code = `import { snapshot } from ${JSON.stringify(script)};
    process.stdout.write(await snapshot('org/model', ${JSON.stringify(options)}));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return { child, done: once(child, 'close').then(() => output) };
}

function getsOfWeights(hub: FakeHub): number {
  return hub.seen.filter(({ host }) => host === 'storage').length;
}

test('several processes at once fetch each file once, and all get it whole', async () => {
  await using hub = await fakeHub(FILES);
  hub.fault = (_, response, file) => {
    if (!file.large) return false;
    response.writeHead(200, { 'content-length': file.content.length });
    response.write(file.content.subarray(0, 1_000_000));
    setTimeout(() => response.end(file.content.subarray(1_000_000)), 400);
    return true;
  };
  const paths = await Promise.all([1, 2, 3].map(() => pull(hub).done));
  const snapshot = join(folder.path, 'hub', 'models--org--model', 'snapshots', COMMIT);
  expect(paths).toEqual([snapshot, snapshot, snapshot]);
  for (const [name, file] of Object.entries(FILES))
    expect(readFileSync(join(snapshot, name)).equals(file.content)).toBe(true);
  expect(getsOfWeights(hub)).toBe(1);
  expect(readdirSync(join(folder.path, 'hub', 'models--org--model', 'blobs')).sort()).toEqual(
    Object.values(FILES).map(blobName).sort(),
  );
  expect(readdirSync(join(folder.path, 'hub', '.locks', 'models--org--model'))).toEqual([]);
});

test('when the process that downloads is killed, one that waits goes on from there', async () => {
  await using hub = await fakeHub(FILES);
  hub.fault = (_, response, file, n) => {
    if (!file.large || n > 1) return false;
    response.writeHead(200, { 'content-length': file.content.length });
    response.write(file.content.subarray(0, 1_000_000));
    return true;
  };
  const first = pull(hub);
  const part = join(folder.path, 'hub', 'models--org--model', 'blobs', `${blobName(weights)}.portmanteau.incomplete`);
  await expect.poll(() => statSync(part, { throwIfNoEntry: false })?.size, { timeout: 30_000 }).toBe(1_000_000);
  const second = pull(hub);
  first.child.kill('SIGKILL');
  const path = await second.done;
  expect(readFileSync(join(path, 'model.safetensors')).equals(weights.content)).toBe(true);
  const ranges = hub.seen.filter(({ host }) => host === 'storage').map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, 'bytes=1000000-']);
});
