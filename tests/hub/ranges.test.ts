/** Weights on the hub are looked at without being fetched, and a hub that cannot be reached is said at once. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FetchError, UsageError } from '../../src/base/errors.ts';
import { download, type HubOptions, openSnapshot, snapshot } from '../../src/hub/hub-node.ts';
import { COMMIT, type FakeHub, fakeHub, large, refuse, small } from './fake-hub.ts';
import { scratch } from './scratch.ts';

const folder = scratch();
const weights = large(3_000_000);
const FILES = { 'config.json': small('{}'), 'tokenizer.json': small('[]'), 'model.safetensors': weights };
const open: FakeHub[] = [];
afterEach(async () => {
  for (const hub of open.splice(0)) await hub[Symbol.asyncDispose]();
});

async function serve(files = FILES): Promise<FakeHub> {
  const hub = await fakeHub(files);
  open.push(hub);
  return hub;
}

const cacheDir = () => join(folder.path, 'hub');
const optionsFor = (hub: FakeHub, more: HubOptions = {}): HubOptions => ({
  ...{ endpoint: hub.endpoint, cacheDir: cacheDir(), stallMs: 1000, backoffMs: 1, retries: 2 },
  ...more,
});
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('wanted an error'),
    (error) => error,
  );

describe('weights that stay on the hub', () => {
  test('are read where it is asked for, from the hub or its storage, with the token for the hub alone', async () => {
    const hub = await serve();
    const { folder, remote } = await openSnapshot('org/model', optionsFor(hub, { token: 'hf_secret' }));
    expect(readdirSync(folder).sort()).toEqual(['config.json', 'tokenizer.json']);
    expect([...remote.keys()]).toEqual(['model.safetensors']);
    const source = await remote.get('model.safetensors')!();
    expect(source.size).toBe(weights.content.length);
    for (const [offset, length] of [
      [0, 8],
      [8, 1000],
      [65_530, 12],
      [100, 200_000],
      [weights.content.length - 5, 5],
      [weights.content.length - 70_000, 70_000],
      [7, 0],
    ] as const) {
      const into = new Uint8Array(length);
      await source.read(offset, into);
      expect(weights.content.subarray(offset, offset + length).equals(into)).toBe(true);
    }
    expect(hub.bytesSent).toBeLessThan(600_000);
    await expect(source.read(weights.content.length - 1, new Uint8Array(2))).rejects.toBeInstanceOf(FetchError);
    for (const { host, headers } of hub.seen)
      expect(headers.authorization).toBe(host === 'hub' ? 'Bearer hf_secret' : undefined);
    await source.close();
  });

  test('are asked for again when the line drops, and refused of a server that knows no ranges', async () => {
    const hub = await serve();
    const source = await (await openSnapshot('org/model', optionsFor(hub))).remote.get('model.safetensors')!();
    hub.fault = (request, _, file, n) => file.large && n === 1 && !!request.socket.destroy();
    const into = new Uint8Array(100);
    await source.read(0, into);
    expect(weights.content.subarray(0, 100).equals(into)).toBe(true);
    hub.fault = (_, response, file) => file.large && !!response.end(file.content);
    const error = await failure(source.read(1_000_000, into));
    expect(error).toBeInstanceOf(FetchError);
    expect(error.message).toMatch(/knows no ranges.*'pull'/);
  });

  test('are taken from the cache when they are there, also without the hub', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    hub.bytesSent = 0;
    expect(await openSnapshot('org/model', optionsFor(hub))).toEqual({ folder: path, remote: new Map() });
    expect(hub.bytesSent).toBe(0);
    for (const more of [{ offline: true }, { endpoint: 'http://127.0.0.1:9' }, { revision: COMMIT }])
      expect(await openSnapshot('org/model', optionsFor(hub, more))).toEqual({ folder: path, remote: new Map() });
  });

  test('leave the branch of the cache on what is whole there', async () => {
    const hub = await serve();
    const path = await snapshot('org/model', optionsFor(hub));
    const next = 'b'.repeat(40);
    hub.commits.set(next, { ...FILES, 'config.json': small('{"new":1}'), 'model.safetensors': large(100, 5) });
    hub.refs.set('main', next);
    const { folder, remote } = await openSnapshot('org/model', optionsFor(hub));
    expect(folder.endsWith(next)).toBe(true);
    expect(remote.size).toBe(1);
    expect(await snapshot('org/model', optionsFor(hub, { offline: true }))).toBe(path);
  });

  test('must be some, and are told offline when they are not in the cache', async () => {
    const none = await serve({ 'config.json': small('{}') } as typeof FILES);
    expect(await failure(openSnapshot('org/model', optionsFor(none)))).toBeInstanceOf(UsageError);
    const hub = await serve();
    await download('org/model', 'config.json', optionsFor(hub));
    const error = await failure(openSnapshot('org/model', optionsFor(hub, { offline: true })));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/lacks model.safetensors.*the cache .* has org\/model/);
  });
});

describe('a hub that cannot be reached', () => {
  test.each(['', 'https://hub.invalid', 'http://127.0.0.1:9'])(
    'is said at once, with what the cache has (%s)',
    async (address) => {
      const hub = await serve();
      await download('org/model', 'config.json', optionsFor(hub));
      const endpoint = address || hub.endpoint; // where nobody listens any more
      await open.pop()![Symbol.asyncDispose]();
      for (const ask of [snapshot, openSnapshot, (id: string, o: HubOptions) => download(id, 'x.json', o)]) {
        const begin = performance.now();
        const error = await failure(ask('org/model', { endpoint, cacheDir: cacheDir() }));
        expect(performance.now() - begin).toBeLessThan(5000); // what a slow resolver takes
        expect(error).toBeInstanceOf(FetchError);
        if (address.endsWith(':9')) {
          expect(error.message).toMatch(/reserved for another protocol/); // fetch refuses some ports
          continue;
        }
        expect(error.message).toMatch(/ECONNREFUSED|ENOTFOUND|EAI_AGAIN/);
        expect(error.message).toMatch(/offline.*HTTPS_PROXY.*does not have all of org\/model.*has org\/model/);
      }
    },
  );

  test('after it was reached is asked again, and long waits are announced', async () => {
    const hub = await serve();
    const warnings: string[] = [];
    let tries = 0;
    hub.fault = (request, response, file) => {
      if (!file.large || ++tries > 1) return false;
      response.setHeader('retry-after', '1');
      refuse(response, 503);
      return !!request;
    };
    await snapshot('org/model', optionsFor(hub, { onWarning: (message) => warnings.push(message) }));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/answered 503.*Trying again in 1 s \(1 of 2\)\.$/);
  });
});

describe('old ids without an organisation', () => {
  test('lead to where the hub has the model now, and lie in the cache as the Python tool has them', async () => {
    const hub = await serve();
    const path = await snapshot('model', optionsFor(hub));
    expect(path).toBe(join(cacheDir(), 'models--model', 'snapshots', COMMIT));
    expect(existsSync(join(path, 'model.safetensors'))).toBe(true);
    expect(await snapshot('model', optionsFor(hub, { offline: true }))).toBe(path);
  });

  test('are told what the cache has under a new one', async () => {
    const hub = await serve();
    await snapshot('org/model', optionsFor(hub));
    const error = await failure(snapshot('model', optionsFor(hub, { offline: true })));
    expect(error.message).toMatch(/has org\/model: did you mean that\?/);
  });
});

test('addresses and revisions within them are understood wherever an id is', async () => {
  const hub = await serve();
  hub.refs.set('dev', COMMIT);
  const path = await snapshot(`${hub.endpoint}/org/model/tree/dev`, optionsFor(hub));
  expect(hub.seen[0]!.path).toBe('/api/models/org/model/revision/dev');
  expect(await snapshot('org/model@dev', optionsFor(hub, { offline: true }))).toBe(path);
  expect(await download(`hf://org/model@${COMMIT}`, 'config.json', optionsFor(hub))).toBe(join(path, 'config.json'));
  const both = await failure(snapshot('org/model@dev', optionsFor(hub, { revision: 'main' })));
  expect(both).toBeInstanceOf(UsageError);
});
