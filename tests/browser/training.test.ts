/** A model is trained in Chromium as in Node: with the same kernels, all losses, norms and texts have the same bits. */
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Model } from '../../src/api/model.ts';
import type { SampledStep } from '../../src/api/model-trainer.ts';
import { fromPretrained } from '../../src/node.ts';
import { findChromium } from './chromium.ts';
import { type Server, startServer } from './server.ts';

declare global {
  /** What page.html imports. */
  var portmanteau: typeof import('../../src/web.ts');
}

interface Api {
  fromPretrained(
    reference: string,
    options: { weights: 'f32'; threads: number; relaxedSimd: boolean },
  ): Promise<Pick<Model, 'trainer' | 'dispose'>>;
}

interface Task {
  readonly api: Api;
  readonly reference: string;
  readonly threads: number;
}

/** Runs here and in pages, which get its source: it may use nothing from outside. */
async function finetune({ api, reference, threads }: Task): Promise<SampledStep[]> {
  const model = await api.fromPretrained(reference, { weights: 'f32', threads, relaxedSimd: false });
  const text =
    'The king had three sons. The eldest was tall, the second was clever, and the youngest was kind to all. ';
  const trainer = await model.trainer({
    data: { texts: [text.repeat(8)], sequence: 16 },
    ...{ batch: 2, steps: 20, clip: 1, zLoss: 1e-4, seed: 3 },
    optimizer: { name: 'adamw', lr: 0.002, weightDecay: 0.1 },
    schedule: { name: 'cosine', warmup: 3 },
    samples: { prompts: ['The king'], every: 20, maxNewTokens: 12 },
  });
  const steps: SampledStep[] = [];
  for await (const step of trainer.run()) steps.push(step);
  trainer.dispose();
  await model.dispose();
  return steps;
}

const executablePath = findChromium(); // browser.test.ts says so where there is none

describe.skipIf(!executablePath)('training in Chromium', { timeout: 120_000 }, () => {
  const folder = fileURLToPath(new URL('../../models/', import.meta.url));
  let browser: Browser;
  let server: Server;
  let page: Page;

  beforeAll(async () => {
    [browser, server] = await Promise.all([chromium.launch({ executablePath, args: ['--no-sandbox'] }), startServer()]);
    page = await browser.newPage();
    await page.goto(`${server.origin}/tests/browser/page.html`);
    await page.waitForFunction(() => globalThis.portmanteau);
  }, 60_000);
  afterAll(() => Promise.all([browser?.close(), server?.close()]));

  test.each(['granite-tiny', 'mamba-tiny'])('%s learns with the losses of Node, bit for bit', async (name) => {
    const inNode = await finetune({ api: { fromPretrained }, reference: folder + name, threads: 1 });
    const api = await page.evaluateHandle(() => portmanteau as Api);
    const inPage = await page.evaluate(finetune, { api, reference: `/models/${name}`, threads: 2 });
    expect(inPage).toEqual(inNode);
    expect(inNode).toHaveLength(20);
    expect(inNode.at(-1)?.loss).toBeLessThan(0.7 * (inNode[0]?.loss as number));
    expect(inNode.at(-1)?.samples?.[0]?.text).not.toBe('');
  });
});
