/** The playground in Chromium: what it shows is what the library computes, and everything works from the keyboard. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { fromPretrained, type Model, type RunningPlayground, servePlayground } from '../../src/node.ts';
import { findChromium, howToInstall } from '../browser/chromium.ts';
import { startServer } from '../browser/server.ts';

const executablePath = findChromium();
if (!executablePath) {
  if (process.env.CI) throw new Error(howToInstall);
  console.warn(`tests/playground is skipped: ${howToInstall}`);
}
const build = fileURLToPath(new URL('../../dist/playground/', import.meta.url));
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ONCE = 'Once upon a time there was a';
const settings = (values: Record<string, string>) => new URLSearchParams(values).toString();

describe.skipIf(!executablePath)('in Chromium', { timeout: 60_000 }, () => {
  let browser: Browser;
  let site: RunningPlayground;
  const models = new Map<string, Promise<Model>>();
  const problems: string[] = [];
  const scripts = new Set<string>();

  beforeAll(async () => {
    [browser, site] = await Promise.all([
      chromium.launch({ executablePath, args: ['--no-sandbox'] }),
      servePlayground({ port: 0 }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([browser?.close(), site?.close()]);
    for (const model of models.values()) await (await model).dispose();
  });
  afterEach(() => expect(problems.splice(0)).toEqual([]));

  /** The same model in Node. */
  const inNode = (name: string): Promise<Model> => {
    const model = models.get(name) ?? fromPretrained(name, { threads: 1, generationConfig: false });
    models.set(name, model);
    return model;
  };

  async function openPage(hash: string, from = site.url): Promise<Page> {
    const page = await browser.newPage({ serviceWorkers: 'block' }); // static.test.ts looks at it
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.endsWith('.js')) scripts.add(pathname);
    });
    page.on('console', (message) => {
      // Of a folder it is not known which of the possible files there are.
      if (message.type() === 'error' && !message.text().includes('404')) problems.push(message.text());
    });
    await page.goto(`${from}#/${hash}`);
    return page;
  }

  const shownText = (page: Page) => page.locator('.flow .token').allTextContents();
  const tokenShown = (page: Page, at: number) => page.locator('.token').nth(at).waitFor();
  const settled = (page: Page, selector: string) =>
    page.waitForFunction(
      (wanted) => document.querySelector(wanted) !== null && document.querySelector('[data-busy="true"]') === null,
      selector,
    );

  describe('Write', () => {
    test.each(['backpack-tiny', 'bitnet-tiny', 'granite-tiny', 'mamba-tiny'])(
      '%s writes what it writes in Node',
      async (name) => {
        const page = await openPage(`write?${settings({ model: name, length: '12' })}`);
        const model = await inNode(name);
        const prompt = model.encode(ONCE);
        await tokenShown(page, prompt.length - 1);
        await page.getByRole('button', { name: 'Continue' }).click();
        await tokenShown(page, prompt.length + 11);
        const { ids } = await model.complete(ONCE, { maxNewTokens: 12, temperature: 0 });
        const wanted = [...prompt, ...ids].map((id) => model.tokenizer?.piece(id));
        expect(await shownText(page)).toEqual(wanted);
        await page.close();
      },
    );

    test.each(['granite-tiny', 'mamba-tiny'])(
      '%s goes on from an alternative, by keyboard only, as if it had been in the text; undo takes it back',
      async (name) => {
        const page = await openPage(`write?${settings({ model: name, length: '10' })}`);
        const model = await inNode(name);
        const prompt = model.encode(ONCE);
        await tokenShown(page, prompt.length - 1);
        await page.keyboard.press('Control+Enter');
        await tokenShown(page, prompt.length + 9);
        const before = await shownText(page);
        await page.locator('.token[tabindex="0"]').focus();
        for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
        await page.keyboard.press('Enter');
        const at = before.length - 6;
        const choice = page.locator('.alternatives li button').nth(2);
        await choice.focus();
        await page.keyboard.press('Enter');
        await tokenShown(page, at + 10);
        const first = await model.complete(ONCE, { maxNewTokens: 10, temperature: 0 });
        const kept = [...prompt, ...first.ids].slice(0, at);
        const { tokens } = await model.score([...kept, 0], { alternatives: 3 });
        const other = tokens.at(-1)?.alternatives?.[2]?.id as number;
        const { ids } = await model.complete([...kept, other], { maxNewTokens: 10, temperature: 0 });
        expect(await shownText(page)).toEqual([...kept, other, ...ids].map((id) => model.tokenizer?.piece(id)));
        await page.getByRole('button', { name: 'Undo' }).click();
        expect(await shownText(page)).toEqual(before);
        await page.close();
      },
    );

    test('a setting is in the address, and a page opened there has it', async () => {
      const page = await openPage('write?model=granite-tiny');
      await page.locator('.token').first().waitFor();
      await page.getByLabel('Temperature').fill('0.7');
      await page.getByLabel('Beginning').fill('The wolf & the fox = 2?');
      await page.waitForFunction(() => location.hash.includes('temperature=0.7'));
      const { hash } = new URL(page.url());
      await page.close();
      const again = await openPage(hash.slice(2));
      await again.locator('.token').first().waitFor();
      expect(await again.getByLabel('Temperature').inputValue()).toBe('0.7');
      expect(await again.getByLabel('Beginning').inputValue()).toBe('The wolf & the fox = 2?');
      await again.close();
    });
  });

  test('Senses: the parts sum to the logit of the library; an example changes the text as its saved interventions do', async () => {
    const page = await openPage('senses?model=backpack-tiny');
    const model = await inNode('backpack-tiny');
    await settled(page, '[data-sum]');
    const text = 'His mother was so angry that';
    const { sum, logit } = await model.senses.decompose(text, { word: 'she', against: 'he' });
    expect(Number(await page.locator('[data-sum]').getAttribute('data-sum'))).toBeCloseTo(sum, 4);
    expect(Number(await page.locator('[data-logit]').getAttribute('data-logit'))).toBeCloseTo(logit, 4);
    await page.getByRole('button', { name: 'The king calls his wife' }).click();
    await page.locator('.twins .changed').waitFor();
    await settled(page, '.twins .changed');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save as interventions' }).click();
    const saved = JSON.parse(readFileSync(await (await download).path(), 'utf8'));
    const { text: wanted } = await model.complete('The king called his', {
      ...{ interventions: saved, maxNewTokens: 32, temperature: 0 },
    });
    expect(wanted).toMatch(/^ wife/);
    expect(await page.locator('.twins .prose').nth(1).textContent()).toBe(`The king called his${wanted}`);
    const before = await page.locator('.twins .entry').allTextContents();
    await page.getByLabel('Sense 4 counts').fill('4');
    await page.waitForFunction((old) => document.querySelector('.twins')?.textContent !== old, before.join(''));
    await page.waitForFunction(() => location.hash.includes('senses='));
    await page.close();
  });

  test.each([
    ['write', 'granite-tiny', '.token', 'light'],
    ['senses', 'backpack-tiny', '.sense', 'dark'],
    ['experts', 'granite-tiny', '.grid', 'light'],
    ['state', 'mamba-tiny', '.heatmap svg', 'dark'],
    ['ternary', 'bitnet-tiny', '.bars svg', 'light'],
    ['lens', 'granite-tiny', '.heatmap svg', 'dark'],
    ['steer', 'granite-tiny', '.changed', 'light'],
    ['train', 'granite-tiny', '.samples', 'light'],
    ['compare', 'granite-tiny', '.table table', 'dark'],
  ] as const)('%s is accessible, and breaks no policy', async (view, model, selector, colorScheme) => {
    const page = await openPage(`${view}?model=${model}`);
    await page.emulateMedia({ colorScheme });
    if (view === 'train') {
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText('Trained', { exact: true }).waitFor();
    }
    await settled(page, selector);
    const cdp = await page.context().newCDPSession(page); // the page's policy forbids scripts that are not its own
    await cdp.send('Runtime.evaluate', { expression: axe });
    const found = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: { run(): Promise<AxeResult> } }).axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
    });
    expect(found).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.close();
  });

  test('page and worker with all views are at most 300 kB of compressed JavaScript beside the kernels; who trains loads 30 kB more', () => {
    const views = [...scripts].filter((path) =>
      /\/(write|senses|experts|state|ternary|lens|steer|train|compare)-/.test(path),
    );
    expect(views).toHaveLength(9); // those before have loaded them
    const bytesOf = (wanted: RegExp) => {
      const paths = [...scripts].filter((path) => wanted.test(path));
      expect(paths).not.toEqual([]);
      return paths.reduce((sum, path) => sum + gzipSync(readFileSync(`${build}${path.slice(1)}`)).length, 0);
    };
    expect(bytesOf(/\/library-/)).toBeGreaterThan(50e3); // of the worker: its scripts are counted
    expect(bytesOf(/\/model-trainer-/)).toBeLessThan(30e3);
    expect(bytesOf(/^(?!.*\/(kernels|model-trainer)-)/)).toBeLessThan(300e3);
  });

  test('a view that the model has nothing for says so, and opens one that has', async () => {
    const page = await openPage('state?model=granite-tiny');
    await page.getByRole('button', { name: 'Open mamba-tiny' }).click();
    await page.locator('.heatmap svg').first().waitFor();
    await page.close();
  });

  test('files that are no model, and addresses without one, are told as errors', async () => {
    const page = await openPage('write?model=./nothing-here');
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('alert').textContent()).toMatch(/could not be opened.*config\.json/s);
    await page.locator('input[type="file"][multiple]').setInputFiles({
      ...{ name: 'holiday.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('x') },
    });
    await page.getByText('there is no config.json among the 1 files').waitFor();
    await page
      .locator('input[type="file"][multiple]')
      .setInputFiles(
        ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json'].map(
          (name) => fileURLToPath(new URL(`../../models/mamba-tiny/${name}`, import.meta.url)),
        ),
      );
    await page.locator('.token').first().waitFor();
    await page.close();
  });

  test('a plain file server without isolation headers is enough', async () => {
    const plain = await startServer('--not-isolated');
    const page = await openPage('write?model=/models/granite-tiny&length=4', `${plain.origin}/dist/playground/`);
    await page.locator('.token').first().waitFor();
    await page.keyboard.press('Control+Enter');
    await page.locator('.token.model').nth(3).waitFor();
    await page.getByText('one thread').waitFor();
    await page.close();
    await plain.close();
  });
});

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}
