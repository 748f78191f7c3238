/**
 * Takes a picture of each view of the playground, for README.md and docs/playground.md. `node tools/pictures.mjs [FOLDER]`: without a folder, docs/pictures.
 * `--phone` and `--dark` show the views as there. The library must be built.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { servePlayground } from '../dist/src/node.js';

const { values, positionals } = parseArgs({
  options: { phone: { type: 'boolean' }, dark: { type: 'boolean' }, views: { type: 'string' } },
  allowPositionals: true,
});
const folder = positionals[0] ?? fileURLToPath(new URL('../docs/pictures', import.meta.url));

/** Model, settings, what must be there, and what is done first. */
const VIEWS = {
  write: {
    model: 'granite-tiny',
    settings: { text: 'Once upon a time there was a little girl who lived with' },
    shown: '.token',
    async first(page) {
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.locator('.token.model').nth(40).waitFor();
      await page.locator('.token.model').nth(7).click();
    },
  },
  senses: {
    model: 'backpack-tiny',
    shown: '.sense',
    async first(page) {
      await page.getByRole('button', { name: 'Who is angry?' }).click();
      await page.locator('.twins .changed').waitFor();
    },
  },
  experts: { model: 'granite-tiny', shown: '.grid' },
  state: { model: 'mamba-tiny', shown: '.heatmap svg' },
  ternary: { model: 'bitnet-tiny', shown: '.bars svg', quality: 50 },
  lens: { model: 'granite-tiny', shown: '.heatmap svg' },
  steer: { model: 'granite-tiny', shown: '.changed' },
  train: {
    model: 'granite-tiny',
    settings: { steps: '40' },
    shown: 'button.main',
    async first(page) {
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText('Trained', { exact: true }).waitFor({ timeout: 180_000 });
      await page.evaluate(() => scrollTo(0, document.querySelector('.progress').offsetTop - 260));
    },
  },
  compare: { model: 'granite-tiny', shown: '.table table' },
};

const size = values.phone ? { width: 390, height: 844 } : { width: 1180, height: 820 };

const inPath = (process.env.PATH ?? '').split(delimiter).map((path) => join(path, 'chromium'));
const executablePath = [process.env.CHROMIUM_PATH, ...inPath].find((path) => path && existsSync(path));
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
const site = await servePlayground({ port: 0 });
mkdirSync(folder, { recursive: true });
try {
  for (const [view, { model, settings = {}, shown, first, quality = 80 }] of Object.entries(VIEWS)) {
    if (values.views && !values.views.split(',').includes(view)) continue;
    const page = await browser.newPage({
      viewport: size,
      colorScheme: values.dark ? 'dark' : 'light',
      deviceScaleFactor: 1,
      serviceWorkers: 'block',
    });
    await page.goto(`${site.url}#/${view}?${new URLSearchParams({ model, ...settings })}`);
    await page.locator(shown).first().waitFor();
    await page.waitForFunction(() => document.querySelector('[data-busy="true"]') === null);
    await first?.(page);
    await page.waitForFunction(() => document.querySelector('[data-busy="true"]') === null);
    const session = await page.context().newCDPSession(page);
    const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality });
    const file = join(folder, `${view}${values.phone ? '-phone' : ''}${values.dark ? '-dark' : ''}.webp`);
    writeFileSync(file, Buffer.from(data, 'base64'));
    process.stdout.write(`${file}: ${(Buffer.from(data, 'base64').length / 1e3).toFixed(0)} kB\n`);
    await page.close();
  }
} finally {
  await Promise.all([browser.close(), site.close()]);
}
