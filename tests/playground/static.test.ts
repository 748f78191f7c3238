/** The playground as static files on a plain web host, below a path: with and without headers, and without a network after a first visit. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { listFiles } from '../../playground/list-files.ts';
import { writePlayground } from '../../src/node.ts';
import { findChromium, howToInstall } from '../browser/chromium.ts';
import { type FileServer, serveFiles } from './file-server.ts';

const executablePath = findChromium();
if (!executablePath && process.env.CI) throw new Error(howToInstall);

const VIEWS = [
  ['write', 'granite-tiny', '.token'],
  ['senses', 'backpack-tiny', '.sense'],
  ['experts', 'granite-tiny', '.grid'],
  ['state', 'mamba-tiny', '.heatmap svg'],
  ['ternary', 'bitnet-tiny', '.bars svg'],
  ['lens', 'granite-tiny', '.heatmap svg'],
  ['steer', 'granite-tiny', '.changed'],
  ['compare', 'granite-tiny', '.table table'],
] as const;

describe.skipIf(!executablePath)('the playground on a plain web host', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'playground-'));
  const site = join(folder, 'site');
  let browser: Browser;
  let context: BrowserContext;
  let server: FileServer;
  beforeAll(async () => {
    [browser] = await Promise.all([chromium.launch({ executablePath, args: ['--no-sandbox'] }), writePlayground(site)]);
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    context = await browser.newContext();
  });
  afterEach(async () => {
    await context.close();
    await server.close().catch(() => {}); // a test may have closed it
  });

  async function open(hash: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${server.url}#/${hash}`);
    return page;
  }
  const kept = (page: Page) => page.getByText('Opens without a network').waitFor();

  test.each([
    ['with', true, 'all cores'],
    ['without', false, 'one thread'],
  ])('%s isolating headers all views load, below a path', async (_, isolated, threads) => {
    server = await serveFiles(site, { path: '/some/path/', isolated });
    const page = await open('write?model=granite-tiny');
    await page.getByText(threads).waitFor();
    for (const [view, model, selector] of VIEWS) {
      await page.goto(`${server.url}#/${view}?model=${model}`);
      await page.locator(selector).first().waitFor();
    }
    expect(server.asked.filter((request) => !request.includes(' /some/path/'))).toEqual([]);
  });

  test('after a first visit, page, views and model open without a network, and on all cores', async () => {
    server = await serveFiles(site, { path: '/some/path/' });
    const page = await open('write?model=granite-tiny&length=8');
    const texts = async () => {
      const tokens = page.locator('.flow .token');
      await tokens.first().waitFor();
      const before = await tokens.count();
      await page.keyboard.press('Control+Enter');
      await tokens.nth(before + 7).waitFor();
      return tokens.allTextContents();
    };
    const first = await texts();
    await kept(page);
    await server.close();
    await context.setOffline(true);
    await page.reload();
    await page.getByText('all cores').waitFor();
    expect(await texts()).toEqual(first);
    await page.getByRole('link', { name: 'Lens' }).click();
    await page.locator('.heatmap svg').first().waitFor();
    await page.goto(`${server.url}#/write?model=mamba-tiny`); // was not read before
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/mamba-tiny could not be opened/);
  });

  test('a new version replaces the old one; one that is not whole on the server does not', async () => {
    const version = (title: string, own: string) => {
      const made = join(folder, title);
      cpSync(site, made, { recursive: true });
      const page = join(made, 'index.html');
      writeFileSync(page, readFileSync(page, 'utf8').replace(/<title>.*<\/title>/, `<title>${title}</title>`));
      rmSync(join(made, 'models'), { recursive: true });
      writeFileSync(join(made, 'assets', own), `/* ${title} */`);
      listFiles(made);
      return made;
    };
    const [one, two, three] = [version('one', 'a-1.js'), version('two', 'a-2.js'), version('three', 'a-3.js')];
    writeFileSync(join(three, 'assets', 'a-3.js'), 'not yet that of this version');
    server = await serveFiles(one);
    const { url } = server;
    const page = await open('write');
    await kept(page);
    server.root = two;
    await page.reload();
    expect(await page.title()).toBe('two');
    const ownFiles = () =>
      page.evaluate(async () => {
        const [name = ''] = await caches.keys();
        const names = (await (await caches.open(name)).keys()).map(({ url }) => url.split('/').at(-1) ?? '');
        return names.filter((file) => /^a-\d/.test(file));
      });
    await expect.poll(ownFiles, { timeout: 30_000 }).toEqual(['a-2.js']);
    await kept(page);
    server.root = three;
    await page.reload();
    expect(await page.title()).toBe('three');
    await expect.poll(() => server.asked, { timeout: 30_000 }).toContain('GET /assets/a-3.js');
    await server.close();
    await page.goto('about:blank');
    await page.goto(url);
    expect(await page.title()).toBe('two');
  });

  test('a model that changes on the server is read anew', async () => {
    const changing = join(folder, 'changing');
    cpSync(site, changing, { recursive: true });
    server = await serveFiles(changing);
    const page = await open('write?model=granite-tiny');
    const reads = () => server.asked.filter((request) => request === 'GET /models/granite-tiny/model.safetensors');
    const opened = () => page.getByText('million parameters').waitFor();
    await opened();
    expect(reads()).toHaveLength(1);
    await page.reload();
    await opened();
    expect(reads()).toHaveLength(1);
    cpSync(join(site, 'models/bitnet-tiny'), join(changing, 'models/granite-tiny'), { recursive: true });
    await page.reload();
    await page.getByText('granite-tiny: 2.8 million parameters').or(page.getByRole('alert')).waitFor();
    expect(reads()).toHaveLength(2);
  });
});
