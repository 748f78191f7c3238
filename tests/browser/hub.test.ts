/** Models of the hub in Chromium: stored once, checked, continued after a cut, and there without a network. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium, howToInstall } from './chromium.ts';
import { type Server, startServer } from './server.ts';

declare global {
  /** What page.html imports. */
  var portmanteau: typeof import('../../src/web.ts');
  var inWorker: typeof import('../../src/worker/index.ts');
}

const chromiumPath = findChromium();
if (!chromiumPath) console.log(`tests of the hub in a browser are skipped: ${howToInstall}`);

const models = fileURLToPath(new URL('../../models/', import.meta.url));
const COMMIT = 'c'.repeat(40);
const FILES = ['config.json', 'generation_config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];

interface Hub {
  readonly endpoint: string;
  /** Paths, with the range that was asked for. */
  readonly asked: string[];
  readonly tokens: (string | undefined)[];
  /** Ends the connection after so many bytes of a file; once. */
  cut: { readonly name: string; readonly after: number } | undefined;
  /** Sees requests first, and says whether it answers them. */
  front: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Changes a byte of the weights; so often. */
  damaged: number;
  /** Is called before weights are sent. */
  hold: Promise<void> | undefined;
  close(): void;
}

/** `largeBytes`: of tokenizer.json, which has spaces at its end. */
async function startHub(largeBytes = 0): Promise<Hub> {
  const content = new Map(FILES.map((name) => [name, readFileSync(`${models}granite-tiny/${name}`)]));
  const tokenizer = content.get('tokenizer.json') as Buffer;
  content.set(
    'tokenizer.json',
    Buffer.concat([tokenizer, Buffer.alloc(Math.max(0, largeBytes - tokenizer.length), ' ')]),
  );
  const siblings = [...content].map(([rfilename, bytes]) => ({
    rfilename,
    size: bytes.length,
    blobId: createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex'),
    ...(rfilename.endsWith('.safetensors')
      ? { lfs: { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length } }
      : {}),
  }));
  const server = createServer(async (request, response) => {
    const { url = '', headers } = request;
    response.setHeader('access-control-allow-origin', '*');
    response.setHeader('access-control-allow-headers', 'authorization, range');
    response.setHeader('access-control-expose-headers', 'content-range, retry-after, x-error-code');
    response.setHeader('cross-origin-resource-policy', 'cross-origin');
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    hub.asked.push(`${url}${headers.range ? ` ${headers.range}` : ''}`);
    hub.tokens.push(headers.authorization);
    if (hub.front(request, response)) return;
    if (/^\/api\/models\/org\/name\/revision\/main\?blobs=true$/.test(url))
      return response.end(JSON.stringify({ sha: COMMIT, siblings }));
    const name = new RegExp(`^/org/name/resolve/(?:${COMMIT}|main)/(.*)$`).exec(url)?.[1] ?? '';
    const all = content.get(name);
    if (!all) return response.writeHead(404, { 'x-error-code': 'RepoNotFound' }).end();
    const [, first = 0, last = all.length - 1] = /^bytes=(\d+)-(\d+)/.exec(headers.range ?? '') ?? [];
    const from = Number(first);
    let bytes = Buffer.from(all.subarray(from, Number(last) + 1));
    const isWeights = name.endsWith('.safetensors');
    if (isWeights) await hub.hold;
    if (isWeights && hub.damaged-- > 0) bytes[bytes.length - 5]! ^= 1;
    response.writeHead(headers.range ? 206 : 200, {
      'content-length': bytes.length,
      ...(headers.range ? { 'content-range': `bytes ${from}-${from + bytes.length - 1}/${all.length}` } : {}),
    });
    if (hub.cut?.name !== name) return response.end(bytes);
    bytes = bytes.subarray(0, hub.cut.after);
    hub.cut = undefined;
    // Browsers drop what a page has not read when a connection breaks: so a page has the time to read it, 10 MB a second.
    response.write(bytes, () => setTimeout(() => response.destroy(), 50 + bytes.length / 10_000));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hub: Hub = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    tokens: [],
    cut: undefined,
    front: () => false,
    damaged: 0,
    hold: undefined,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  return hub;
}

describe.skipIf(!chromiumPath)('models of the hub in a browser', () => {
  let browser: Browser;
  let server: Server;
  let hub: Hub;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    [browser, server] = await Promise.all([
      chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox'] }),
      startServer(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), server?.close()]);
  });
  beforeEach(async () => {
    [hub, context] = await Promise.all([startHub(), browser.newContext()]);
    page = await open();
  });
  afterEach(async () => {
    await context.close();
    hub.close();
  });

  async function open(): Promise<Page> {
    const fresh = await context.newPage();
    await fresh.goto(`${server.origin}/tests/browser/page.html`);
    await fresh.waitForFunction(() => globalThis.inWorker);
    return fresh;
  }

  interface Options {
    readonly worker?: boolean;
    readonly offline?: boolean;
    readonly cache?: boolean;
    readonly token?: string;
    readonly retries?: number;
    readonly stallMs?: number;
  }

  /** Some ids that the model gives, or the error; and what the progress said. */
  const load = (where: Page, { worker = false, ...options }: Options = {}) =>
    where.evaluate(
      async ({ endpoint, worker, options }) => {
        const progress: number[] = [];
        const warnings: string[] = [];
        const hub = {
          endpoint,
          backoffMs: 1,
          retries: 2,
          ...options,
          onProgress: ({ loaded, total }: { loaded: number; total: number | undefined }) =>
            void progress.push(loaded / (total ?? 0)),
        };
        try {
          const open = { threads: 1, hub, onWarning: (text: string) => void warnings.push(text) };
          const model = worker
            ? await inWorker.loadInWorker('org/name', open)
            : await portmanteau.fromPretrained('org/name', open);
          const { ids } = await model.complete('The cat', { maxNewTokens: 4, ignoreEnd: true, temperature: 0 });
          await model.dispose();
          return { ids: [...ids], progress, warnings };
        } catch (error) {
          return {
            error: String(error),
            name: (error as Error).name,
            fields: { ...(error as object) },
            progress,
            warnings,
          };
        }
      },
      { endpoint: hub.endpoint, worker, options },
    );

  const bytesAsked = () => hub.asked.filter((path) => path.includes('.safetensors'));

  test('a model is downloaded once, in the page or a worker, listed and deleted; the token is sent and not stored', async () => {
    const first = await load(page, { worker: true, token: 'secret' });
    expect(first.error).toBeUndefined();
    expect(first.progress?.at(-1)).toBe(1);
    expect(new Set(hub.tokens)).toEqual(new Set(['Bearer secret']));
    expect(hub.asked).toHaveLength(1 + FILES.length);
    hub.asked.length = 0;
    expect((await load(page)).ids).toEqual(first.ids);
    expect(hub.asked).toHaveLength(1); // whether the branch has moved
    expect((await load(page, { offline: true, worker: true })).ids).toEqual(first.ids);
    expect(hub.asked).toHaveLength(1);

    const { listed, stored, freed, left, error } = await page.evaluate(async () => {
      const listed = await portmanteau.cachedModels();
      const texts: string[] = [];
      const visit = async (folder: FileSystemDirectoryHandle): Promise<void> => {
        for await (const handle of (folder as unknown as { values(): AsyncIterable<FileSystemHandle> }).values())
          if (handle.kind === 'directory') await visit(handle as FileSystemDirectoryHandle);
          else texts.push(await (await (handle as FileSystemFileHandle).getFile()).text());
      };
      await visit(await navigator.storage.getDirectory());
      const { freedBytes } = await portmanteau.deleteCachedModel('org/name');
      const error = await portmanteau.deleteCachedModel('org/name').catch(String);
      return {
        listed,
        stored: texts.some((text) => text.includes('secret')),
        freed: freedBytes,
        left: await portmanteau.cachedModels(),
        error,
      };
    });
    expect(listed).toEqual([{ id: 'org/name', bytes: freed, revisions: [COMMIT] }]);
    expect(freed).toBeGreaterThan(1e6);
    expect(stored).toBe(false);
    expect(left).toEqual([]);
    expect(error).toMatch(/^UsageError: 'org\/name' is not stored/);
  });

  test('without a network a stored model loads, with a warning, and another one says what failed', async () => {
    const { ids } = await load(page);
    hub.close();
    const again = await load(page);
    expect(again.ids).toEqual(ids);
    expect(again.warnings).toEqual([expect.stringContaining('Using what is stored of org/name')]);
    await page.evaluate(() => portmanteau.deleteCachedModel('org/name'));
    expect((await load(page)).error).toMatch(/^FetchError: GET http.*the connection failed/);
    expect((await load(page, { offline: true })).error).toMatch(/^UsageError: requests are turned off/);
  });

  test('a connection that breaks is made again; damaged bytes are fetched again, and refused when they stay so', async () => {
    hub.cut = { name: 'model.safetensors', after: 1000 };
    const { ids, progress } = await load(page);
    expect(ids).toHaveLength(4);
    expect(progress?.at(-1)).toBe(1);
    expect(bytesAsked()).toHaveLength(2);
    for (const [times, wanted] of [
      [1, /undefined/],
      [2, /^FetchError: .*the file came whole twice, but its checksum is/],
    ] as const) {
      await page.evaluate(() => portmanteau.deleteCachedModel('org/name'));
      hub.damaged = times;
      expect(String((await load(page)).error)).toMatch(wanted);
    }
  });

  test('a download that was given up goes on with the first piece that is missing, also when the tab was closed since', async () => {
    hub.close();
    hub = await startHub(40 << 20);
    hub.cut = { name: 'tokenizer.json', after: 36 << 20 };
    const { error } = await load(page, { retries: 0 });
    expect(error).toMatch(/^FetchError: .*tokenizer\.json: the connection failed/);
    await page.close();
    page = await open();
    hub.asked.length = 0;
    const { ids, progress } = await load(page);
    expect(ids).toHaveLength(4);
    expect(progress?.at(-1)).toBe(1);
    expect(hub.asked.filter((path) => path.includes('tokenizer.json'))).toEqual([
      expect.stringMatching(/ bytes=33554432-41943039$/),
    ]);
  });

  test('a part of another file than the one that was begun is never put together with it', async () => {
    hub.close();
    hub = await startHub(20 << 20);
    hub.cut = { name: 'tokenizer.json', after: 18 << 20 };
    hub.front = ({ url = '', headers }, response) => {
      if (!url.endsWith('tokenizer.json') || !headers.range) return false;
      const length = 4 << 20;
      response.writeHead(206, { 'content-length': length, 'content-range': `bytes 16777216-20971519/${21 << 20}` });
      return !!response.end(Buffer.alloc(length, ' '));
    };
    const { error } = await load(page);
    expect(error).toMatch(/^FetchError: .*Content-Range came as .*, wanted from 16777216 of 20971520/);
    hub.front = () => false;
    expect((await load(page)).ids).toHaveLength(4);
  });

  test('Retry-After is waited for, where the hub lets pages see it', async () => {
    await page.evaluate(() => {
      const set = globalThis.setTimeout as (call: () => void, ms?: number) => number;
      const waits: number[] = [];
      Object.assign(globalThis, {
        waits,
        setTimeout: (call: () => void, ms = 0) => set(call, waits.push(ms) && ms / 1000),
      });
    });
    let refusals = 2;
    hub.front = (_, response) => {
      if (refusals-- <= 0) return false;
      response.writeHead(refusals === 1 ? 429 : 503, { 'retry-after': refusals === 1 ? '7' : '9' });
      return !!response.end();
    };
    const { ids, warnings } = await load(page, { retries: 2, stallMs: 50_000_000 });
    expect(ids).toHaveLength(4);
    expect(warnings).toEqual([
      expect.stringMatching(/the hub answered 429.* Trying again in 7 s \(1 of 2\)/),
      expect.stringMatching(/the hub answered 503.* Trying again in 9 s \(2 of 2\)/),
    ]);
    const waits = await page.evaluate(() => (globalThis as unknown as { waits: number[] }).waits);
    expect(waits.filter((ms) => ms === 7000 || ms === 9000)).toEqual([7000, 9000]);
  });

  test.each(['before an answer', 'amid an answer'])(
    'a connection that is silent %s is closed, and made anew',
    async (when) => {
      let silent = 1;
      const closed: Promise<unknown>[] = [];
      hub.front = ({ url = '' }, response) => {
        if (!url.endsWith('.safetensors') || silent-- <= 0) return false;
        closed.push(new Promise((resolve) => response.on('close', resolve)));
        if (when !== 'before an answer') response.writeHead(200, { 'content-length': 1e6 }).write('x');
        return true;
      };
      const { ids } = await load(page, { stallMs: 1000 });
      expect(ids).toHaveLength(4);
      expect(bytesAsked()).toHaveLength(2);
      expect(closed).toHaveLength(1);
      await closed[0];
      hub.front = ({ url = '' }) => url.endsWith('.safetensors');
      await page.evaluate(() => portmanteau.deleteCachedModel('org/name'));
      expect((await load(page, { stallMs: 100, worker: true })).error).toMatch(
        /^FetchError: .*nothing came for 0\.1 s\. Gave up after 3 tries; load it again/,
      );
    },
  );

  test('a listing that is damaged is an error; where the model is stored, it is used', async () => {
    const damaged = ({ url = '' }: IncomingMessage, response: ServerResponse) =>
      url.startsWith('/api/') && !!response.end('{"sha":');
    hub.front = damaged;
    expect((await load(page)).error).toMatch(/^FetchError: .*the answer is no JSON/);
    hub.front = () => false;
    const { ids } = await load(page);
    hub.front = damaged;
    const again = await load(page);
    expect(again.ids).toEqual(ids);
    expect(again.warnings).toEqual([expect.stringMatching(/no JSON.*Using what is stored of org\/name/)]);
  });

  test('a tab that is closed while it downloads leaves what heals; two tabs at once download once', async () => {
    let go = () => {};
    hub.hold = new Promise((resolve) => {
      go = resolve;
    });
    const killed = await open();
    void load(killed).catch(() => {});
    await expect.poll(bytesAsked).toHaveLength(1);
    await killed.close();
    go();
    hub.hold = undefined;
    hub.asked.length = 0;
    const other = await open();
    const [one, two] = await Promise.all([load(page), load(other)]);
    expect(one.ids).toHaveLength(4);
    expect(two.ids).toEqual(one.ids);
    expect(bytesAsked()).toHaveLength(1);
    // A piece that the browser, or a user, has lost is fetched again.
    await page.evaluate(async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('portmanteau');
      const blobs = await (await folder.getDirectoryHandle('models--org--name')).getDirectoryHandle('blobs');
      for await (const name of (blobs as unknown as { keys(): AsyncIterable<string> }).keys())
        if (name.length === 64) {
          const file = await (await blobs.getDirectoryHandle(name)).getFileHandle('0');
          const stream = await file.createWritable();
          await stream.write('cut');
          await stream.close();
        }
    });
    expect((await load(page)).ids).toEqual(one.ids);
    expect(bytesAsked()).toHaveLength(2);
  });

  test('too small a quota is told before the download, with numbers', async () => {
    await page.evaluate(() => {
      navigator.storage.estimate = async () => ({ quota: 200_000, usage: 100_000 });
    });
    const { name, error, fields } = await load(page);
    expect(name).toBe('StorageFullError');
    expect(error).toMatch(/org\/name needs 0\.\d+ GB .* gives it 0\.000 GB.*deleteCachedModel.*cache: false/);
    expect(fields).toMatchObject({ freeBytes: 100_000, neededBytes: expect.any(Number) });
    expect(bytesAsked()).toHaveLength(0);
    const remote = await load(page, { cache: false });
    expect(remote.error).toBeUndefined();
    expect(remote.ids).toHaveLength(4);
  });

  test('a quota that ends amid a download is told, also by a worker, and what has arrived is kept', async () => {
    const session = await context.newCDPSession(page);
    const quota = (bytes?: number) =>
      session.send('Storage.overrideQuotaForOrigin', {
        origin: server.origin,
        ...(bytes === undefined ? {} : { quotaSize: bytes }),
      });
    await quota(1_000_000);
    for (const worker of [false, true]) {
      const { name, error } = await load(page, { worker });
      expect(name).toBe('StorageFullError');
      expect(error).toContain('has no more room');
    }
    await quota();
    hub.asked.length = 0;
    expect((await load(page)).ids).toHaveLength(4);
    expect(hub.asked.some((path) => path.includes('tokenizer.json'))).toBe(false);
  });

  test('without a private file system the Cache API keeps the model', async () => {
    await page.addInitScript(() => {
      Reflect.deleteProperty(FileSystemFileHandle.prototype, 'createWritable');
    });
    await page.reload();
    await page.waitForFunction(() => globalThis.inWorker);
    const { ids, error } = await load(page);
    expect(error).toBeUndefined();
    expect((await load(page, { offline: true })).ids).toEqual(ids);
    const [model] = await page.evaluate(() => portmanteau.cachedModels());
    expect(model).toMatchObject({ id: 'org/name', revisions: [COMMIT] });
    await page.evaluate(() => portmanteau.deleteCachedModel('org/name'));
    expect(await page.evaluate(() => portmanteau.cachedModels())).toEqual([]);
  });
});
