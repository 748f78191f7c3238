/** In Chromium the shipped models give what they give in Node; pages stay alive meanwhile, and get their memory back. */
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Model } from '../../src/api/model.ts';
import { fromPretrained } from '../../src/node.ts';
import { bundledWeb } from '../bundle.ts';
import { findChromium, howToInstall } from './chromium.ts';
import { noWorkers } from './no-workers.ts';
import { type Server, startServer } from './server.ts';

declare global {
  /** What page.html imports. */
  var portmanteau: typeof import('../../src/web.ts');
  /** Of one test: WebAssembly memories that were made, and those that were not collected. */
  var memories: () => { made: number; alive: number };
}

interface Api {
  fromPretrained(reference: string, options: { threads?: number; relaxedSimd?: boolean }): Promise<Model>;
}

/** Runs here and in pages, which get its source: it may use nothing from outside. */
async function run(task: { api: Api; reference: string; threads?: number; relaxedSimd?: boolean }) {
  const { api, reference, threads, relaxedSimd } = task;
  const model = await api.fromPretrained(reference, { threads, relaxedSimd });
  const prompt = 'Once upon a time there was a';
  const greedy = await model.complete(prompt, { maxNewTokens: 24, ignoreEnd: true });
  const sampling = { temperature: 0.9, topP: 0.95, seed: 7 };
  const sampled = await model.complete(prompt, { maxNewTokens: 12, ignoreEnd: true, ...sampling });
  const { tokens } = await model.score('The dog saw the cat. "Are you sad?" asked the cat — and smiled.');
  await model.dispose();
  return {
    greedy: [...greedy.ids],
    greedyText: greedy.text,
    sampled: [...sampled.ids],
    scored: tokens.map(({ id }) => id),
    logprobs: [...greedy.logprobs, ...sampled.logprobs, ...tokens.map(({ logprob }) => logprob ?? 0)],
  };
}

const executablePath = findChromium();
if (!executablePath) {
  if (process.env.CI) throw new Error(howToInstall);
  console.warn(`tests/browser is skipped: ${howToInstall}`);
}
const folder = fileURLToPath(new URL('../../models/', import.meta.url));
const models = readdirSync(folder).filter((name) => existsSync(`${folder}${name}/config.json`));
const [first = ''] = models;

describe.skipIf(!executablePath)('in Chromium', { timeout: 60_000 }, () => {
  let browser: Browser;
  let isolated: Server;
  let plain: Server;
  const problems: string[] = [];

  async function newPage(): Promise<Page> {
    const page = await browser.newPage();
    page.on('pageerror', (error) => problems.push(String(error)));
    return page;
  }

  async function openModules(page: Page, server: Server): Promise<void> {
    await page.goto(`${server.origin}/tests/browser/page.html`);
    await page.waitForFunction(() => globalThis.portmanteau);
  }

  beforeAll(async () => {
    [browser, isolated, plain] = await Promise.all([
      chromium.launch({ executablePath, args: ['--no-sandbox'] }),
      startServer(),
      startServer('--not-isolated'),
    ]);
  }, 60_000);
  afterAll(() => Promise.all([browser?.close(), isolated?.close(), plain?.close()]));

  afterEach(() => expect(problems.splice(0)).toEqual([]));

  async function runIn(page: Page, name: string, options: { threads?: number; relaxedSimd?: boolean } = {}) {
    const api = await page.evaluateHandle(() => portmanteau as Api);
    return page.evaluate(run, { api, reference: `/models/${name}`, ...options });
  }

  describe('each of the shipped models', () => {
    let isolatedPage: Page;
    let plainPage: Page;
    beforeAll(async () => {
      [isolatedPage, plainPage] = await Promise.all([newPage(), newPage()]);
      await Promise.all([openModules(isolatedPage, isolated), openModules(plainPage, plain)]);
    });
    afterAll(() => Promise.all([isolatedPage?.close(), plainPage?.close()]));

    describe.each(models)('%s', (name) => {
      let inNode: Awaited<ReturnType<typeof run>>;
      beforeAll(async () => {
        inNode = await run({ api: { fromPretrained }, reference: folder + name, threads: 1, relaxedSimd: false });
      }, 60_000);

      test.each([1, 3])('an isolated page with threads: %i computes the bits that Node computes', async (threads) => {
        expect(await runIn(isolatedPage, name, { threads, relaxedSimd: false })).toEqual(inNode);
      });

      test('a page that is not isolated computes the same bits', async () => {
        expect(await runIn(plainPage, name, { threads: 1, relaxedSimd: false })).toEqual(inNode);
      });

      test('relaxed SIMD and default threads change no token', async () => {
        const { logprobs, ...tokens } = await runIn(isolatedPage, name);
        const { logprobs: wanted, ...tokensInNode } = inNode;
        expect(tokens).toEqual(tokensInNode);
        // Activations of 8 bits round to the other side now and then, which moves all that follows.
        const digits = name === 'bitnet-tiny' ? 1 : 3;
        logprobs.forEach((logprob, i) => void expect(logprob).toBeCloseTo(wanted[i] as number, digits));
      });
    });
  });

  describe('a page', () => {
    let page: Page;
    beforeEach(async () => {
      page = await newPage();
    });
    afterEach(() => page.close());

    /** With what the package exports in one file: pages that load its modules one by one are above, and below the example. */
    async function open(page: Page, server: Server): Promise<void> {
      if (existsSync(bundledWeb))
        await page.route('**/dist/src/web.js', (route) =>
          route.fulfill({ path: bundledWeb, contentType: 'text/javascript' }),
        );
      await openModules(page, server);
    }

    test('a page that is not isolated refuses threads, and says which headers isolate it', async () => {
      await open(page, plain);
      const error = await page.evaluate(
        (url) => portmanteau.fromPretrained(url, { threads: 2 }).catch(({ name, message }) => ({ name, message })),
        `/models/${first}`,
      );
      expect(error).toMatchObject({ name: 'UsageError' });
      expect(error).toHaveProperty('message', expect.stringContaining('Cross-Origin-Opener-Policy: same-origin'));
      expect(error).toHaveProperty('message', expect.stringContaining('Cross-Origin-Embedder-Policy: require-corp'));
    });

    test('files that a user chose load as those of a server', async () => {
      await open(page, isolated);
      const [chosen, served] = await page.evaluate(async (url) => {
        const files = new Map<string, Blob | Uint8Array>();
        for (const name of [
          'config.json',
          'generation_config.json',
          'model.safetensors',
          'tokenizer.json',
          'tokenizer_config.json',
        ]) {
          const bytes = new Uint8Array(await (await fetch(`${url}/${name}`)).arrayBuffer());
          files.set(
            name,
            name.startsWith('model') ? new File([bytes], name) : name.startsWith('gen') ? bytes : new Blob([bytes]),
          );
        }
        const texts: string[] = [];
        for (const reference of [portmanteau.memoryFolder(files), url]) {
          const model = await portmanteau.fromPretrained(reference);
          texts.push((await model.complete('The cat', { maxNewTokens: 16 })).text);
          await model.dispose();
        }
        return texts;
      }, `/models/${first}`);
      expect(chosen).not.toBe('');
      expect(chosen).toBe(served);
    });

    test.each([1, 2])(
      'with threads: %i, timers and frames go on while text is generated, and abort it',
      async (threads) => {
        await open(page, isolated);
        const seen = await page.evaluate(
          async ({ url, threads }) => {
            const model = await portmanteau.fromPretrained(url, { threads });
            let ticks = 0;
            let frames = 0;
            let longestMs = 0;
            let last = performance.now();
            const timer = setInterval(() => {
              ticks++;
              longestMs = Math.max(longestMs, performance.now() - last);
              last = performance.now();
            }, 4);
            const frame = () => {
              frames++;
              requestAnimationFrame(frame);
            };
            requestAnimationFrame(frame);
            const generate = async (signal: AbortSignal, text = 'Once', tokens = 0, error = '') => {
              try {
                // Again and again, so that the text never ends by itself.
                for (;;)
                  for await (const { id } of model.generate(text, { maxNewTokens: 400, ignoreEnd: true, signal }))
                    if (id !== undefined) tokens++;
              } catch (caught) {
                error = (caught as Error).name;
              }
              return { tokens, error };
            };
            const byTimer = new AbortController();
            setTimeout(() => byTimer.abort(), 500);
            const aborted = await generate(byTimer.signal);
            const timedOut = await generate(AbortSignal.timeout(200));
            clearInterval(timer);
            const after = await model.complete('Once', { maxNewTokens: 4, ignoreEnd: true });
            await model.dispose();
            return { aborted, timedOut, ticks, frames, longestMs, after: after.ids.length };
          },
          { url: `/models/${first}`, threads },
        );
        expect(seen.aborted.error).toBe('AbortError');
        expect(seen.timedOut.error).toBe('TimeoutError');
        expect(seen.aborted.tokens).toBeGreaterThan(5);
        expect(seen.ticks).toBeGreaterThan(10);
        expect(seen.frames).toBeGreaterThan(3);
        expect(seen.longestMs).toBeLessThan(1000); // without a break it would last until the text ends
        expect(seen.after).toBe(4);
      },
    );

    test('loading and disposing six times leaves no thread and no memory', async () => {
      await page.addInitScript(() => {
        const made: WeakRef<WebAssembly.Memory>[] = [];
        WebAssembly.Memory = new Proxy(WebAssembly.Memory, {
          construct(Memory, [descriptor]) {
            const memory = new Memory(descriptor);
            made.push(new WeakRef(memory));
            return memory;
          },
        });
        globalThis.memories = () => ({ made: made.length, alive: made.filter((memory) => memory.deref()).length });
      });
      await open(page, isolated);
      const ids = await page.evaluate(async (url) => {
        const files = new Map<string, Blob>();
        for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
          files.set(name, await (await fetch(`${url}/${name}`)).blob());
        const seen = new Set<string>();
        for (let i = 0; i < 6; i++) {
          const model = await portmanteau.fromPretrained(portmanteau.memoryFolder(files), { threads: 2 });
          seen.add((await model.complete('Once', { maxNewTokens: 3, ignoreEnd: true })).ids.join());
          await model.dispose();
        }
        return [...seen];
      }, `/models/${first}`);
      expect(ids).toHaveLength(1);
      await noWorkers(page);
      const session = await page.context().newCDPSession(page);
      const alive = async () => {
        await session.send('HeapProfiler.collectGarbage');
        return (await page.evaluate(() => memories())).alive;
      };
      expect((await page.evaluate(() => memories())).made).toBe(6);
      // The engine itself may hold on to the last one for as long as it likes.
      await expect.poll(alive, { timeout: 10_000 }).toBeLessThanOrEqual(1);
    });

    test('where the engine grants small memories only, the model still runs', async () => {
      await page.addInitScript(() => {
        const { Memory } = WebAssembly;
        WebAssembly.Memory = new Proxy(Memory, {
          construct(target, [descriptor]) {
            if (descriptor.maximum > 512) throw new RangeError('could not allocate memory');
            return new target(descriptor);
          },
        });
      });
      await open(page, isolated);
      const { greedy } = await runIn(page, first, { threads: 2, relaxedSimd: false });
      expect(greedy).toHaveLength(24);
    });

    test('where memories stop growing early, the model goes on in others', async () => {
      await page.addInitScript(() => {
        const { grow } = WebAssembly.Memory.prototype;
        WebAssembly.Memory.prototype.grow = function (pages) {
          if (this.buffer.byteLength / 65536 + pages > 56) throw new RangeError('Unable to grow instance memory');
          return grow.call(this, pages);
        };
      });
      await open(page, isolated);
      const { greedy } = await runIn(page, first, { threads: 2, relaxedSimd: false });
      expect(greedy).toHaveLength(24);
    });

    /** Name and message of the error of loading a model. */
    const errorOf = (options: { threads?: number; workerUrl?: string }) =>
      page.evaluate(
        ({ url, options }) =>
          portmanteau.fromPretrained(url, options).then(
            () => ({ name: '', message: '' }),
            ({ name, message }: Error) => ({ name, message }),
          ),
        { url: `/models/${first}`, options },
      );

    /** Gives the page a Content-Security-Policy. Its import map is a script in the page itself. */
    const withPolicy = (policy: string) =>
      page.route('**/page.html', async (route) => {
        const response = await route.fetch();
        const headers = { ...response.headers(), 'content-security-policy': policy };
        await route.fulfill({ response, headers });
      });

    test('threads start from a script of the own origin where the policy of a page allows no blobs', async () => {
      await withPolicy("script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; worker-src 'self'");
      await open(page, isolated);
      const { name, message } = await errorOf({ threads: 2 });
      expect(name).toBe('UsageError');
      expect(message).toMatch(/`worker-src blob:`.*portmanteau\/thread.*workerUrl/);
      expect(await errorOf({ threads: 2, workerUrl: '/dist/thread.js' })).toEqual({ name: '', message: '' });
    });

    test('a page whose policy allows no WebAssembly is told what to allow', async () => {
      await withPolicy("script-src 'self' 'unsafe-inline'; worker-src blob:");
      await open(page, isolated);
      expect(await errorOf({ threads: 1 })).toEqual({
        name: 'UsageError',
        message: expect.stringContaining("'wasm-unsafe-eval'"),
      });
    });

    test('threads whose script is served without the embedder policy say so', async () => {
      await page.route('**/thread.js', async (route) => {
        const response = await route.fetch();
        const { 'cross-origin-embedder-policy': _, ...headers } = response.headers();
        await route.fulfill({ response, headers });
      });
      await open(page, isolated);
      const { message } = await errorOf({ threads: 2, workerUrl: '/dist/thread.js' });
      expect(message).toContain('Cross-Origin-Embedder-Policy');
      await noWorkers(page);
    });

    test('a script of the threads of another origin is refused with what is wanted', async () => {
      await open(page, isolated);
      const { name, message } = await errorOf({ threads: 2, workerUrl: `${plain.origin}/dist/thread.js` });
      expect(name).toBe('UsageError');
      expect(message).toMatch(/does not load from http.*same origin/);
    });

    test('kernels that are not served are named', async () => {
      await page.route('**/kernels-*.js', (route) =>
        route.fulfill({ status: 200, contentType: 'text/html', body: '<!doctype html>' }),
      );
      await open(page, plain);
      expect(await errorOf({})).toEqual({
        name: 'FetchError',
        message: expect.stringMatching(/the kernels \(kernels-\w+\) do not load: .*Serve all files/),
      });
    });

    test('models of a server that sends no CORS headers are refused with the header that it lacks', async () => {
      await open(page, plain);
      const message = await page.evaluate(
        (url) => portmanteau.fromPretrained(url).catch(({ message }: Error) => message),
        `${isolated.origin}/models/${first}`,
      );
      expect(message).toContain(`Access-Control-Allow-Origin: ${plain.origin}`);
    });

    test.each(['isolated', 'plain'])('the example writes text, on a page that is %s', async (kind) => {
      await page.goto(`${(kind === 'plain' ? plain : isolated).origin}/examples/browser/`);
      await page.selectOption('#model', first);
      await page.fill('#prompt', 'Once upon a time');
      await page.fill('#temperature', '0');
      await page.click('#generate');
      await page.waitForFunction(() => (document.getElementById('text')?.textContent ?? '').length > 40);
      await page.evaluate(() => document.getElementById('stop')?.click());
      await page.waitForFunction(() => !document.querySelector<HTMLButtonElement>('#generate')?.disabled);
      expect(await page.textContent('#text')).toMatch(/^Once upon a time/);
      expect(await page.textContent('#status')).toMatch(/tokens, \d+ per second/);
    });
  });
});
