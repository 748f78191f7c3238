/** The views that look inside show the numbers that the library gives in Node, and each control changes what it should. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configurationOf } from '../../playground/src/views/train/configuration.ts';
import type { Report, Table } from '../../src/figures/figure.ts';
import {
  activationErrors,
  activationsReport,
  attentionPatterns,
  attentionReport,
  attributeLogit,
  attributionReport,
  compare,
  effectiveAttention,
  effectiveAttentionReport,
  expertLoad,
  fromPretrained,
  type InterventionsOption,
  lensReport,
  logitLens,
  logitSources,
  logitSourcesReport,
  type Model,
  memorySpans,
  normsReport,
  openPretrained,
  patchActivations,
  patchingReport,
  type RunningPlayground,
  routeReport,
  servePlayground,
  spansReport,
  stateNorms,
  stepSizes,
  stepsReport,
  ternaryMatrices,
  ternaryReport,
  ternaryWeights,
  tokenExperts,
  transplantState,
} from '../../src/node.ts';
import { findChromium, howToInstall } from '../browser/chromium.ts';

const executablePath = findChromium();
if (!executablePath && process.env.CI) throw new Error(howToInstall);

const GIRL = 'There was once a girl. One day';
const BOY = 'There was once a boy. One day';
const KING = 'The king was angry with his son, and then';
const TOKENS = 32; // that the page writes
const SOON = { timeout: 20_000 }; // the page itself never waits for its model

/** The same with numbers that may differ in their last digits: the kernels of a browser may have fused multiply-add where those of Node have not. */
function near(value: unknown): unknown {
  if (typeof value === 'number') return expect.closeTo(value, 4 - Math.ceil(Math.log10(Math.max(1, Math.abs(value)))));
  if (Array.isArray(value)) return value.map(near);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (one === undefined ? [] : [[key, near(one)]])),
  );
}

describe.skipIf(!executablePath)('the playground', () => {
  let [browser, site]: [Browser | undefined, RunningPlayground | undefined] = [undefined, undefined];
  const models = new Map<string, Promise<Model>>();
  const folders: string[] = [];
  const modelNamed = (name: string): Promise<Model> => {
    const model = models.get(name) ?? fromPretrained(name, { threads: 1, generationConfig: false });
    models.set(name, model);
    return model;
  };
  beforeAll(async () => {
    site = await servePlayground({ port: 0 });
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    for (const model of models.values()) await (await model).dispose();
    for (const folder of folders) await rm(folder, { recursive: true });
  });

  /** Opens a view; nothing may be complained of in the console. */
  async function withView(view: string, settings: Record<string, string>, use: (page: Page) => Promise<void>) {
    const page = await (browser as Browser).newPage({
      viewport: { width: 1280, height: 900 },
      serviceWorkers: 'block',
    });
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      const isAbsentFile = /Failed to load resource.*404/.test(message.text()); // files that a model may have
      if (message.type() === 'error' && !isAbsentFile) problems.push(message.text());
    });
    await page.goto(`${site?.url}#/${view}?${new URLSearchParams(settings)}`);
    await page.waitForSelector('.view');
    await use(page);
    await page.close();
    expect(problems).toEqual([]);
  }

  /** The data of the figure with this title, as its visitors save it. */
  async function saved(page: Page, title: string): Promise<unknown> {
    const figure = page.getByRole('figure', { name: title, exact: true });
    const download = page.waitForEvent('download');
    await figure.getByRole('button', { name: 'JSON' }).click();
    return JSON.parse(await readFile(await (await download).path(), 'utf8'));
  }

  /** What is pointed at is left out: its numbers are rounded. */
  async function expectFigures(page: Page, { figures }: Report) {
    for (const figure of figures.filter(({ kind }) => kind !== 'table'))
      expect(await saved(page, figure.title), figure.title).toMatchObject(
        near({ ...figure, hover: undefined }) as object,
      );
  }

  const idle = (page: Page) => expect.poll(() => page.locator('[data-busy=true]').count(), SOON).toBe(0);

  test('shows the load of experts, and what is written without those that are switched off', async () => {
    const model = await modelNamed('granite-tiny');
    const text = 'Once upon a time there was a';
    const written = async (off: readonly (readonly [layer: number, expert: number])[]) =>
      (
        await model.complete(text, {
          maxNewTokens: TOKENS,
          temperature: 0,
          interventions: off.map(([layer, expert]) => ({ layers: [layer], experts: [expert], disable: true as const })),
        })
      ).text;
    const { layers } = await expertLoad(model, text);
    await withView('experts', { model: 'granite-tiny' }, async (page) => {
      const cells = page.locator('.grid button');
      await cells.first().waitFor();
      expect(await cells.allInnerTexts()).toEqual(
        layers.flatMap(({ tokenShare }) => tokenShare.map((share) => `${(100 * share).toFixed(0)}%`)),
      );
      await expectFigures(page, routeReport(await tokenExperts(model, text), []));
      const proses = page.locator('.twins .prose');
      await expect
        .poll(() => proses.allTextContents(), SOON)
        .toEqual([text + (await written([])), text + (await written([[2, 4]]))]);
      await page.getByRole('button', { name: /^Layer 0, expert 0,/ }).press('Space');
      await expect
        .poll(() => proses.nth(1).textContent(), SOON)
        .toBe(
          text +
            (await written([
              [2, 4],
              [0, 0],
            ])),
        );
      expect(page.url()).toContain('off=2.4%2C0.0');
      await page.getByRole('button', { name: 'Switch all on' }).click();
      await expect.poll(() => proses.count(), SOON).toBe(1);
      expect(await page.locator('.grid [aria-pressed=true]').count()).toBe(0);
      await page.getByRole('button', { name: 'Switch each off in turn' }).click();
      await page.getByRole('figure', { name: 'Change without each expert' }).waitFor();
    });
  });

  test('shows what comes next with each state, wherever it is exchanged', async () => {
    const model = await modelNamed('mamba-tiny');
    const from = 'The girl was afraid of her mother, and';
    const words = async (options: object) => {
      const { predictions } = await transplantState(model, KING, { from, top: 5, ...options });
      return predictions.map(({ top }) => top.map(({ text }) => text.replaceAll(' ', '␣')));
    };
    await withView('state', { model: 'mamba-tiny' }, async (page) => {
      const shown = async () => {
        const lists = await page.locator('.states .ranked').all();
        return Promise.all(lists.map((list) => list.locator('.word').allInnerTexts()));
      };
      await expect.poll(shown, SOON).toEqual(await words({}));
      await page.getByLabel('Exchanged before the token').press('Home');
      await expect.poll(shown, SOON).toEqual(await words({ at: 0 }));
      await page.getByLabel('In layers').selectOption('3');
      await expect.poll(shown, SOON).toEqual(await words({ at: 0, layers: [3] }));
      await page.getByLabel(/^Scans only/).check();
      await expect.poll(shown, SOON).toEqual(await words({ at: 0, layers: [3], keepWindow: true }));
    });
  });

  test('draws what goes into a state and stays there', async () => {
    const model = await modelNamed('mamba-tiny');
    const reports: Record<string, Report> = {
      'What is taken in': stepsReport(await stepSizes(model, KING), []),
      'What is looked back at': effectiveAttentionReport(await effectiveAttention(model, KING, { layers: [5] }), []),
      'Where a word comes from': logitSourcesReport(
        await logitSources(model, KING, { word: ' he', against: ' she' }),
        [],
      ),
      'Size of the state': normsReport(await stateNorms(model, KING), []),
      'How long it remembers': spansReport(await memorySpans(model, KING), []),
    };
    await withView('state', { model: 'mamba-tiny' }, async (page) => {
      for (const [name, report] of Object.entries(reports)) {
        await page.getByRole('radio', { name }).check();
        await expectFigures(page, report);
      }
    });
  });

  test('draws the lens, attention, attribution and patching', async () => {
    const model = await modelNamed('granite-tiny');
    const reports: Record<string, Report> = {
      'Logit lens': lensReport(await logitLens(model, GIRL, { top: 5, word: ' she' }), []),
      Attention: attentionReport(await attentionPatterns(model, GIRL, { layers: [3] }), []),
      Attribution: attributionReport(await attributeLogit(model, GIRL, { word: ' she', against: ' he' }), []),
      Patching: patchingReport(
        await patchActivations(model, { clean: GIRL, corrupted: BOY, word: ' she', against: ' he' }),
        [],
      ),
    };
    await withView('lens', { model: 'granite-tiny' }, async (page) => {
      for (const [name, report] of Object.entries(reports)) {
        await page.getByRole('radio', { name }).check();
        await expectFigures(page, report);
      }
      await page.getByLabel('The second, of as many tokens').fill('A boy');
      await page.getByRole('alert').waitFor();
    });
  });

  test('what tells two texts apart lies in the senses of a Backpack, not in its layers', async () => {
    const model = await modelNamed('backpack-tiny');
    const patching = await patchActivations(model, {
      ...{ clean: GIRL, corrupted: BOY, word: ' she', against: ' he', sites: ['blocks.*.residPre', 'senses'] },
    });
    await withView('lens', { model: 'backpack-tiny', lens: 'patching' }, async (page) => {
      await expectFigures(page, patchingReport(patching, []));
    });
  });

  test('steers what is written by the vector of two lists of texts', async () => {
    const model = await modelNamed('granite-tiny');
    const [positive, negative] = [
      ['she', 'her'],
      ['he', 'his'],
    ];
    const text = 'One day the child said that';
    const { interventions } = await model.steeringVector({ positive, negative, sites: ['blocks.2.residPost'] });
    const written = async (by: number) => {
      const scaled = interventions.interventions.map((one) => ({ ...one, by }) as typeof one);
      const options = {
        maxNewTokens: TOKENS,
        temperature: 0,
        interventions: { ...interventions, interventions: scaled },
      };
      return text + (await model.complete(text, options)).text;
    };
    const settings = { model: 'granite-tiny', by: '1', towards: positive.join('\n'), away: negative.join('\n') };
    await withView('steer', settings, async (page) => {
      const prose = page.locator('.twins .prose').nth(1);
      await expect.poll(() => prose.textContent(), SOON).toBe(await written(1));
      await page.getByLabel('Strength').press('End');
      await expect.poll(() => prose.textContent(), SOON).toBe(await written(4));
      await page.getByLabel('Words to watch').fill('she');
      await expect
        .poll(() => saved(page, 'Probability of words after the prompt'), SOON)
        .toMatchObject({
          series: [{ name: '␣she' }],
        });
    });
  });

  test('draws a dot for each ternary weight, and what rounding loses', async () => {
    const model = await modelNamed('bitnet-tiny');
    const opened = await openPretrained('bitnet-tiny');
    const found = await ternaryWeights(ternaryMatrices(opened));
    await opened.checkpoint.close();
    const [first, second] = found.matrices;
    if (!first || !second) throw new Error('bitnet-tiny has no matrices');
    await withView('ternary', { model: 'bitnet-tiny' }, async (page) => {
      /** How many dots of each colour. */
      const dots = () =>
        page.locator('.dots canvas').evaluate((element) => {
          const canvas = element as HTMLCanvasElement;
          const { data } = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height) ?? { data: [] };
          const counts: Record<string, number> = {};
          for (let i = 0; i < data.length; i += 4) {
            const colour = data.slice(i, i + 3).join(' ');
            counts[colour] = (counts[colour] ?? 0) + 1;
          }
          return counts;
        });
      const wanted = ({ weights, minus, zero, plus }: typeof first) => ({
        '196 80 27': Math.round(minus * weights),
        '247 247 247': Math.round(zero * weights),
        '27 102 176': Math.round(plus * weights),
      });
      await page.locator('.dots canvas').waitFor();
      await expect.poll(dots, SOON).toEqual(wanted(first));
      await page.getByLabel('Matrix').selectOption(second.name);
      await expect.poll(dots, SOON).toEqual(wanted(second));
      await expectFigures(page, ternaryReport(found, undefined, []));
      await page.getByRole('radio', { name: 'Rounding of activations' }).check();
      const text = await page.getByLabel('Text', { exact: true }).inputValue();
      await expectFigures(page, activationsReport(await activationErrors(model, text), []));
    });
  });

  /** All files that the page offers, in a folder. */
  async function downloaded(page: Page): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'portmanteau-trained-'));
    folders.push(folder);
    for (const button of await page.getByRole('group', { name: 'The result' }).locator('button:not(.main)').all()) {
      const download = page.waitForEvent('download');
      await button.click();
      const file = await download;
      await file.saveAs(join(folder, file.suggestedFilename()));
    }
    return folder;
  }

  const LESSON = 'There was an Old Man with a beard. He lived in a tree.\n\nThere was a Young Lady of Norway.';
  const PROMPT = 'There was an Old';
  const trainedTexts = (page: Page) => page.locator('.samples dd').allTextContents();

  test('trains with the losses of the library; the model that comes of it is used in other views, and kept', async () => {
    const model = await fromPretrained('granite-tiny', { threads: 1, weights: 'f32' });
    const before = await model.complete(PROMPT, { maxNewTokens: TOKENS, temperature: 0 });
    const choice = { text: LESSON, what: 'full', steps: 12, rate: 0.002, prompt: PROMPT } as const;
    const trainer = await model.trainer(configurationOf(choice));
    const [losses, texts]: [number[], string[]] = [[], [before.text]];
    for await (const { loss, samples = [] } of trainer.run()) {
      losses.push(loss);
      texts.push(...samples.map(({ text }) => text));
    }
    trainer.dispose();
    await withView('train', { model: 'granite-tiny', steps: '12', prompt: PROMPT }, async (page) => {
      await page.getByLabel('What it learns').fill(LESSON);
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText('Trained', { exact: true }).waitFor();
      expect(await saved(page, 'Loss')).toMatchObject({ series: [{ name: 'training', values: near(losses) }] });
      expect(await trainedTexts(page)).toEqual(texts.map((text) => PROMPT + text));
      const kept = await fromPretrained(await downloaded(page), { threads: 1 });
      expect((await kept.complete(PROMPT, { maxNewTokens: TOKENS, temperature: 0 })).text).toBe(texts.at(-1));
      await kept.dispose();
      await page.getByRole('button', { name: 'Use it in the other views' }).click();
      await page.getByRole('button', { name: 'Model granite-tiny-trained' }).waitFor();
      const prompt = model.encode(PROMPT);
      await page
        .locator('.token')
        .nth(prompt.length - 1)
        .waitFor();
      await page.getByRole('button', { name: 'Continue' }).click();
      const { ids } = await model.complete(PROMPT, { maxNewTokens: 48, temperature: 0 });
      const wanted = [...prompt, ...ids].map((id) => model.tokenizer?.piece(id));
      await expect.poll(() => page.locator('.token').allTextContents(), SOON).toEqual(wanted);
    });
    await model.dispose();
  });

  test('an adapter is trained beside the model, and loaded by the library; a run that is stopped keeps what it learned', async () => {
    const settings = { model: 'granite-tiny', train: 'lora', rate: '0.004', steps: '8', prompt: PROMPT };
    await withView('train', settings, async (page) => {
      await page.getByLabel('What it learns').fill(LESSON);
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText('Trained', { exact: true }).waitFor();
      const texts = await trainedTexts(page);
      const model = await modelNamed('granite-tiny');
      const adapter = await model.loadAdapter(await downloaded(page));
      const { text } = await model.complete(PROMPT, { maxNewTokens: TOKENS, temperature: 0, adapter });
      adapter.dispose();
      expect(PROMPT + text).toBe(texts.at(-1));
      await page.getByLabel('Steps', { exact: true }).press('End');
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByText(/^[1-9]\d* of 200 steps/).waitFor();
      await page.getByRole('button', { name: 'Stop' }).click();
      await page.getByText('Stopped', { exact: true }).waitFor();
      await page.getByRole('group', { name: 'The result' }).waitFor();
      await page.getByLabel('Go on with this text').fill('');
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.getByRole('alert').waitFor();
    });
  });

  test('compares a model with itself under what other views change, and under the interventions of a file', async () => {
    const model = await modelNamed('granite-tiny');
    const text = 'Once upon a time there was a little girl.';
    const interventions = [{ experts: [4], layers: [2], disable: true as const }];
    const file = { version: 1 as const, interventions: [{ site: 'blocks.2.residPost', scale: 0.5 }] };
    const rows = async (changed: InterventionsOption) => {
      const found = await compare(model, model, text, { interventions: changed });
      return [found.referencePerplexity.toFixed(2), found.perplexity.toFixed(2)];
    };
    await withView('compare', { model: 'granite-tiny', text, changed: 'experts' }, async (page) => {
      const shown = async () => {
        const { rows } = (await saved(page, 'How far the second is from the first, on this text')) as Table;
        return [1, 2].map((i) => Number(rows[i]?.[1]).toFixed(2));
      };
      await expect.poll(shown, SOON).toEqual(await rows(interventions));
      const written = await model.complete(text, { maxNewTokens: TOKENS, temperature: 0, interventions });
      expect(await page.locator('.twins .prose').nth(1).textContent()).toBe(text + written.text);
      await page.getByLabel('The second is changed by').selectOption('file');
      await page.getByText('Choose a file.').waitFor();
      await page.locator('input[type=file]').setInputFiles({
        ...{ name: 'edit.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(file)) },
      });
      await expect.poll(shown, SOON).toEqual(await rows(file));
      await page.locator('input[type=file]').setInputFiles({
        ...{ name: 'edit.json', mimeType: 'application/json', buffer: Buffer.from('{"interventions": 3}') },
      });
      await page
        .getByText(/interventions came as 3/)
        .first()
        .waitFor();
    });
  });

  const places: readonly (readonly [view: string, settings: Record<string, string>])[] = [
    ['state', { model: 'mamba-tiny', inside: 'sources', scans: 'only' }],
    ['ternary', { model: 'bitnet-tiny', ternary: 'original' }],
    ['lens', { model: 'mamba-tiny', lens: 'attribution' }],
    ['lens', { model: 'bitnet-tiny', lens: 'attention' }],
    ['lens', { model: 'backpack-tiny', lens: 'patching' }],
    ['steer', { model: 'backpack-tiny' }],
    ['train', { model: 'mamba-tiny', train: 'lora' }],
    ['compare', { model: 'backpack-tiny', changed: 'steer' }],
    ['compare', { model: 'mamba-tiny', changed: 'file' }],
  ];
  test.each(places)('%s can be used by everybody: %j', async (view, settings) => {
    await withView(view, settings, async (page) => {
      await page.locator('.view .panel, .view .figure, .view .field').first().waitFor();
      await idle(page);
      expect(await page.getByRole('alert').count()).toBe(0);
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
        await page.evaluate(axe.source);
        const violations = await page.evaluate(async () => {
          const { axe } = globalThis as unknown as { readonly axe: typeof import('axe-core') };
          const found = await axe.run();
          return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        });
        expect(violations, scheme).toEqual([]);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
    });
  });
});
