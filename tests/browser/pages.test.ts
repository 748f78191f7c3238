/** In Chromium a page draws its report from disk: without errors, without network, in light and dark, on wide and on narrow screens. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../src/figures/figure.ts';
import { reportPage } from '../../src/figures/page.ts';
import { example } from '../figures/example.ts';
import { findChromium, howToInstall } from './chromium.ts';

const executablePath = findChromium();
if (!executablePath && process.env.CI) throw new Error(howToInstall);

describe.skipIf(!executablePath)('a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pages-'));
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a report from disk; nothing may be asked of the network, and nothing complained of. */
  async function withPage(
    report: Report,
    options: { readonly width?: number; readonly dark?: boolean },
    use: (page: Page) => Promise<void>,
  ): Promise<void> {
    const { width = 1280, dark = false } = options;
    const page = await browser.newPage({
      viewport: { width, height: 800 },
      colorScheme: dark ? 'dark' : 'light',
    });
    const problems: string[] = [];
    page.on('console', (message) => problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('request', (request) => {
      if (!/^(file|data):/.test(request.url())) problems.push(`asked for ${request.url()}`);
    });
    const file = join(folder, 'report.html');
    writeFileSync(file, await reportPage(report));
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('h1');
    for (const drawing of await page.$$('.drawing')) {
      await drawing.scrollIntoViewIfNeeded();
      await page.waitForFunction((element) => element.querySelector('svg') !== null, drawing);
    }
    await use(page);
    await page.close();
    expect(problems).toEqual([]);
  }

  test.each([
    { width: 1280, dark: false },
    { width: 400, dark: true },
  ])('draws every figure, $width wide, dark: $dark', async (options) => {
    await withPage(example, options, async (page) => {
      expect(await page.title()).toBe('A report');
      const sections = await page.$$eval('section', (all) =>
        all.map((section) => ({
          title: section.querySelector('h2')?.textContent,
          cells: section.querySelectorAll('[data-marks=cell] rect').length,
          bars: section.querySelectorAll('[data-marks=bar] rect').length,
          paths: [...section.querySelectorAll('[data-marks=line] path')].map((path) => path.getAttribute('d') ?? ''),
          texts: [...section.querySelectorAll('svg text')].map((text) => text.textContent),
          label: section
            .querySelector('.drawing > svg, .drawing figure > svg:last-of-type')
            ?.getAttribute('aria-label'),
        })),
      );
      expect(sections.map(({ title }) => title)).toEqual(example.figures.map(({ title }) => title));
      expect(sections.map(({ cells }) => cells)).toEqual([11, 4, 0, 0, 0, 0, 0]); // a null has no cell
      expect(sections.map(({ bars }) => bars)).toEqual([0, 0, 3, 9, 0, 0, 0]);
      const pieces = (figure: number) => sections[figure]?.paths.map((d) => d.split('M').length - 1);
      expect(pieces(4)?.length).toBeGreaterThanOrEqual(2);
      expect(sections[4]?.texts).toContain('0.0');
      // Joined over the place without a number; an axis that need not begin at 0.
      expect(pieces(5)).toEqual([1]);
      expect(sections[5]?.texts).not.toContain('0.0');
      for (const word of ['␣upon', 'blocks.1', 'token', 'site', 'probability', 'l'])
        expect(sections[0]?.texts).toContain(word);
      expect(sections[0]?.label).toBe(example.figures[0]?.title);
      expect(await page.$$eval('section:last-of-type td', (cells) => cells.map((cell) => cell.textContent))).toEqual([
        ...[' she', '0.25', ' he', ''],
      ]);
      // The page itself never scrolls sideways; wide figures do.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(options.width);
      if (process.env.SCREENSHOTS)
        await page.screenshot({ path: join(process.env.SCREENSHOTS, `${options.width}.png`), fullPage: true });
    });
  });

  test('a cell that is pointed at tells its place and number; numbers are there as a table', async () => {
    await withPage(example, {}, async (page) => {
      const cell = page.locator('section').first().locator('[data-marks=cell] rect').last();
      await cell.hover();
      const tip = page.locator('section').first().locator('[aria-label=tip]');
      await expect.poll(() => tip.textContent()).toContain('probability: 0.25');
      expect(await tip.textContent()).toContain('site: blocks.1');
      expect(await tip.textContent()).toContain('last');
      await page.locator('summary').first().click();
      await expect.poll(() => page.locator('details td').allTextContents()).toContain('g  ');
    });
  });

  test('hostile words are words', async () => {
    const words = [
      '</script><script>alert(1)</script>',
      '<img src=x onerror=alert(1)>',
      '<!--',
      '\u202e"\'&amp;',
      '{{1}}',
    ];
    const axis = { label: words[0] as string, ticks: words };
    const values = words.map((_, i) => words.map((_, j) => i - j));
    const texts = words.map(() => words);
    const report: Report = {
      title: words[0] as string,
      facts: [[words[1] as string, words[0] as string]],
      figures: [
        { kind: 'heatmap', title: words[1] as string, x: axis, y: axis, measure: words[2] as string, values, texts },
        { kind: 'table', title: words[2] as string, columns: words, rows: [words] },
      ],
      notes: words,
    };
    await withPage(report, {}, async (page) => {
      expect(await page.title()).toBe(words[0]);
      expect(await page.$$eval('h1, h2, dt, dd, li', (all) => all.map((one) => one.textContent))).toEqual([
        ...[words[0], words[1], words[0], words[1], words[2], ...words],
      ]);
      expect(await page.$$('img, body script:not([type]) ~ script')).toEqual([]);
    });
  });
});
