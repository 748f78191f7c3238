/** In Firefox: the library, on threads and in a worker, gives what it gives in Node, and the playground writes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fromPretrained, type RunningPlayground, servePlayground } from '../../src/node.ts';
import { type Firefox, findFirefox, howToInstallFirefox, launchFirefox } from './firefox.ts';
import { type Server, startServer } from './server.ts';

const path = findFirefox();
if (!path) console.log(`tests in Firefox are skipped: ${howToInstallFirefox}`);

const PROMPT = 'Once upon a time there was a';

describe.skipIf(!path)('in Firefox', { timeout: 120_000 }, () => {
  let firefox: Firefox;
  let server: Server;
  let site: RunningPlayground;
  beforeAll(async () => {
    [firefox, server, site] = await Promise.all([
      launchFirefox(path as string),
      startServer(),
      servePlayground({ port: 0 }),
    ]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([firefox?.close(), server?.close(), site?.close()]);
  });

  const inNode = async (name: string) => {
    const model = await fromPretrained(name, { threads: 1, relaxedSimd: false, generationConfig: false });
    const prompt = model.encode(PROMPT);
    const { ids, text } = await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0 });
    const pieces = [...prompt, ...ids].map((id) => model.tokenizer?.piece(id));
    await model.dispose();
    return { ids, text, pieces };
  };

  test.each(['backpack-tiny', 'bitnet-tiny', 'granite-tiny', 'mamba-tiny'])(
    '%s gives the text of Node: on one thread, on two, and in a worker',
    async (name) => {
      const page = await firefox.newPage();
      await page.goto(`${server.origin}/tests/browser/page.html`);
      await page.waitFor(() => globalThis.inWorker !== undefined, null);
      const texts = await page.evaluate(
        async ({ url, prompt }) => {
          const texts: string[] = [];
          for (const [threads, load] of [
            [1, portmanteau.fromPretrained],
            [2, portmanteau.fromPretrained],
            [2, inWorker.loadInWorker],
          ] as const) {
            const model = await load(url, { threads, relaxedSimd: false });
            texts.push((await model.complete(prompt, { maxNewTokens: 12, temperature: 0 })).text);
            await model.dispose();
          }
          return texts;
        },
        { url: `/models/${name}`, prompt: PROMPT },
      );
      const { text } = await inNode(name);
      expect(texts).toEqual([text, text, text]);
    },
  );

  test('the playground is isolated, and writes with a shipped model', async () => {
    const page = await firefox.newPage();
    await page.goto(`${site.url}#/write?model=granite-tiny&length=12`);
    const { pieces, ids } = await inNode('granite-tiny');
    const shown = (least: number) =>
      page.waitFor((least) => document.querySelectorAll('.flow .token').length >= least, least);
    await shown(pieces.length - ids.length);
    expect(await page.evaluate(() => crossOriginIsolated, null)).toBe(true);
    await page.evaluate(() => document.querySelector<HTMLButtonElement>('.actions .main')?.click(), null);
    await shown(pieces.length);
    const texts = await page.evaluate(
      () => [...document.querySelectorAll('.flow .token')].map(({ textContent }) => textContent),
      null,
    );
    expect(texts).toEqual(pieces);
  });
});
