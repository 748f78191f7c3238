/** `portmanteau/worker` in Chromium: a model in a worker gives what it gives in the page, whose errors, signals and objects reach it. */
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findChromium, howToInstall } from './chromium.ts';
import { noWorkers } from './no-workers.ts';
import { type Server, startServer } from './server.ts';

declare global {
  /** What page.html imports. */
  var portmanteau: typeof import('../../src/web.ts');
  var inWorker: typeof import('../../src/worker/index.ts');
}

const chromiumPath = findChromium();
if (!chromiumPath) console.log(`tests of workers are skipped: ${howToInstall}`);

const url = '/models/granite-tiny';

describe.skipIf(!chromiumPath)('portmanteau/worker', () => {
  let browser: Browser;
  let isolated: Server;
  let plain: Server;
  let page: Page;

  beforeAll(async () => {
    [browser, isolated, plain] = await Promise.all([
      chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox'] }),
      startServer(),
      startServer('--not-isolated'),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), isolated?.close(), plain?.close()]);
  });
  beforeEach(async () => {
    page = await browser.newPage();
  });
  afterEach(() => page.close());

  async function open(server: Server): Promise<void> {
    await page.goto(`${server.origin}/tests/browser/page.html`);
    await page.waitForFunction(() => globalThis.inWorker);
  }

  test('a model gives the numbers that it gives in the page', async () => {
    await open(plain);
    const [there, here] = await page.evaluate(async (url) => {
      const { fromPretrained, logitLens } = portmanteau;
      const remote = await inWorker.loadInWorker(url);
      const local = await fromPretrained(url);
      const prompt = 'The cat sat on the mat.';
      const results = [
        [
          await remote.complete(prompt, { maxNewTokens: 8, temperature: 0 }),
          await remote.score(prompt),
          [...(await remote.capture(prompt, { sites: ['hidden'] }))].map(([name, { data }]) => [name, [...data]]),
          await remote.facts,
          await remote.encode(prompt),
          (await remote.parameters).length,
          await remote.tokenizer.decode([5, 6, 7]),
          await remote.library.logitLens(remote, prompt, { top: 2 }),
        ],
        [
          await local.complete(prompt, { maxNewTokens: 8, temperature: 0 }),
          await local.score(prompt),
          [...(await local.capture(prompt, { sites: ['hidden'] }))].map(([name, { data }]) => [name, [...data]]),
          local.facts,
          local.encode(prompt),
          local.parameters.length,
          local.tokenizer?.decode([5, 6, 7]),
          await logitLens(local, prompt, { top: 2 }),
        ],
      ];
      await Promise.all([remote.dispose(), local.dispose()]);
      return results;
    }, url);
    expect(here).toHaveLength(8);
    expect(there).toEqual(here);
  });

  test('errors keep their class, message and fields', async () => {
    await open(plain);
    const seen = await page.evaluate(async (url) => {
      const { UsageError, FetchError } = portmanteau;
      const model = await inWorker.loadInWorker(url);
      const caught = async (promise: PromiseLike<unknown>) => {
        try {
          await promise;
        } catch (error) {
          return error as Error & { status?: number };
        }
        throw new Error('nothing was thrown');
      };
      const usage = await caught(model.capture('The', { sites: ['no-such-site'] }));
      const late = await caught(model.generate('The', { temperature: -1 }).next());
      const fetched = await caught(inWorker.loadInWorker('/no/such/model'));
      const large = await caught(inWorker.loadInWorker(url, { memoryBytes: 3e6 }));
      const away = await caught(model.library.loadTensors('/no/such/file'));
      await model.dispose();
      const after = await caught(model.score('The'));
      return [
        [usage instanceof UsageError, usage.name, usage.message],
        [late instanceof UsageError, late.message],
        [fetched.name, fetched.message],
        [
          large.name,
          large.message,
          (large as Error & { formats?: { format: string }[] }).formats?.length !== undefined,
        ],
        [away instanceof FetchError, away.status],
        [after instanceof UsageError, after.message],
      ];
    }, url);
    expect(seen).toEqual([
      [true, 'UsageError', expect.stringContaining('no-such-site')],
      [true, expect.stringContaining('temperature')],
      ['CheckpointError', expect.stringContaining('/no/such/model')],
      ['ModelMemoryError', expect.stringMatching(/the model needs \d+ MB of memory, but may take 3 MB/), true],
      [true, 404],
      [true, expect.stringContaining('the worker has ended')],
    ]);
  });

  test('signals abort, a loop that is left frees its state, objects and functions pass both ways', async () => {
    await open(isolated);
    const seen = await page.evaluate(async (url) => {
      const progress: number[] = [];
      const model = await inWorker.loadInWorker(url, {
        threads: 2,
        onProgress: ({ loaded, total }) => progress.push(loaded / total),
      });
      const used = async () => (await model.stateMemory).usedBytes;
      const controller = new AbortController();
      let tokens = 0;
      let aborted = '';
      try {
        for await (const _ of model.generate('Once', { maxNewTokens: 300, ignoreEnd: true, signal: controller.signal }))
          if (++tokens === 5) controller.abort();
      } catch (error) {
        aborted = (error as Error).name;
      }
      for await (const _ of model.generate('Once', { maxNewTokens: 300, ignoreEnd: true })) break;
      const usedAfter = await used();

      const state = await model.newState();
      await model.complete('The cat', { state, maxNewTokens: 3, ignoreEnd: true });
      const length = await state.length;
      await state.dispose();
      const chunks: number[] = [];
      const { dModel, vocabSize } = await model.facts;
      await model.unembed(new Float32Array(dModel), (_, logits) => chunks.push(logits.length));
      const mask = await model.library.regexMask(model.tokenizer, '[0-9]{4}');
      const { text } = await model.complete('The year', { mask, maxNewTokens: 8 });
      const thrown = await model
        .unembed(new Float32Array(dModel), () => {
          throw new RangeError('by the page');
        })
        .then(String, String);
      await model.dispose();
      return {
        progress,
        tokens,
        aborted,
        usedAfter,
        length,
        all: chunks.reduce((a, b) => a + b),
        vocabSize,
        text,
        thrown,
      };
    }, url);
    expect(seen.progress.at(-1)).toBe(1);
    expect(seen).toMatchObject({ tokens: 5, aborted: 'AbortError', usedAfter: 0, all: seen.vocabSize });
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.text).toMatch(/^[0-9]{4}$/);
    expect(seen.thrown).toBe('RangeError: by the page');
    await noWorkers(page);
  });

  test('a function of the page may itself call the worker, and wait for its answer', async () => {
    await open(plain);
    const [ids, inside] = await page.evaluate(async (url) => {
      const model = await inWorker.loadInWorker(url);
      const { dModel } = await model.facts;
      const inside: (readonly number[])[] = [];
      await model.unembed(new Float32Array(dModel), async () => {
        inside.push(await model.encode('The cat'));
      });
      const ids = await model.encode('The cat');
      await model.dispose();
      return [ids, inside];
    }, url);
    expect(ids.length).toBeGreaterThan(1);
    expect(inside.length).toBeGreaterThan(0);
    for (const one of inside) expect(one).toEqual(ids);
  });

  test('chosen files, training and its result', async () => {
    await open(plain);
    const losses = await page.evaluate(async (url) => {
      const files = new Map<string, Blob>();
      for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
        files.set(name, await (await fetch(`${url}/${name}`)).blob());
      const model = await inWorker.loadInWorker(inWorker.memoryFolder(files), { weights: 'f32' });
      const trainer = await model.trainer({
        data: { texts: ['The cat sat on the mat. '.repeat(40)], sequence: 16 },
        steps: 3,
        batch: 1,
        optimizer: { name: 'adamw', lr: 1e-3 },
      });
      const losses: number[] = [];
      for await (const { loss } of trainer.run()) losses.push(loss);
      await trainer.dispose();
      let bytes = 0;
      for (const file of await model.files()) for await (const piece of file.bytes()) bytes += piece.length;
      await model.dispose();
      return [...losses, bytes];
    }, url);
    expect(losses).toHaveLength(4);
    expect(losses.every((value) => value > 0)).toBe(true);
    expect(losses[3]).toBeGreaterThan(1e6);
  });

  test('a strict policy allows the worker and its threads', async () => {
    const policy = "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'";
    await page.route(/page\.html|model-worker\.js/, async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, headers: { ...response.headers(), 'content-security-policy': policy } });
    });
    await open(isolated);
    const ids = await page.evaluate(async (url) => {
      const model = await inWorker.loadInWorker(url, { threads: 2 });
      const { ids } = await model.complete('Once', { maxNewTokens: 3, ignoreEnd: true });
      await model.dispose();
      return ids;
    }, url);
    expect(ids).toHaveLength(3);
  });

  test('where the file of the worker is not served, a copy in the library starts; where nothing may, the error says what to do', async () => {
    await page.route('**/model-worker.js', (route) => route.fulfill({ status: 404 }));
    await open(isolated);
    const load = () =>
      page.evaluate(async (url) => {
        try {
          const model = await inWorker.loadInWorker(url, { threads: 2 });
          const { ids } = await model.complete('Once', { maxNewTokens: 3, ignoreEnd: true });
          await model.dispose();
          return ids.length;
        } catch (error) {
          return String(error);
        }
      }, url);
    expect(await load()).toBe(3);
    await page.route('**/page.html', async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), 'content-security-policy': "worker-src 'self'" };
      await route.fulfill({ response, headers });
    });
    await open(isolated);
    expect(await load()).toMatch(/^UsageError: the worker does not start: .*model-worker.*workerUrl/);
  });

  test('a worker whose library does not load says why', async () => {
    await page.route('**/broken-worker.js', (route) =>
      route.fulfill({
        contentType: 'text/javascript',
        headers: { 'cross-origin-embedder-policy': 'require-corp' },
        body: "onmessage = () => postMessage({ kind: 'failed', message: 'a file is missing' })",
      }),
    );
    await open(isolated);
    const said = await page.evaluate(() =>
      inWorker.startWorker({ workerUrl: '/broken-worker.js' }).then(
        () => 'started',
        (error) => String(error),
      ),
    );
    expect(said).toMatch(/^UsageError: the worker does not start: a file is missing/);
  });
});
