/** The AI SDK in Chromium, with a model in the page and no server: what it gives is what the model gives in Node. */
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { rolldown } from 'rolldown';
import { describe, expect, test } from 'vitest';
import { createChatTemplate, fromPretrained } from '../../src/node.ts';
import { findChromium } from './chromium.ts';
import { startServer } from './server.ts';

declare global {
  /** Of ai-sdk-page.js. */
  var answersOfSdk: (reference: string) => Promise<{
    text: string;
    streamed: string;
    aborted: number;
    outputTokens: number;
    object: { color: string };
    tools: [string, string][];
    width: number;
  }>;
}

const executablePath = findChromium();

/** The page's script with all that it imports. */
async function bundled(): Promise<string> {
  const input = fileURLToPath(new URL('ai-sdk-page.js', import.meta.url));
  const bundler = await rolldown({ input, platform: 'browser', logLevel: 'silent' });
  const { output } = await bundler.generate({ format: 'esm', codeSplitting: false });
  await bundler.close();
  return output[0].code;
}

describe.skipIf(!executablePath)('the AI SDK in a page', () => {
  test('generates, streams, stops, keeps to a form, calls tools and embeds', { timeout: 120_000 }, async () => {
    const [server, script] = await Promise.all([startServer(), bundled()]);
    const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      const problems: string[] = [];
      page.on('pageerror', (error) => problems.push(String(error)));
      await page.goto(`${server.origin}/tests/browser/page.html`);
      await page.addScriptTag({ content: script, type: 'module' });
      await page.waitForFunction(() => globalThis.answersOfSdk);
      const found = await page.evaluate(() => answersOfSdk('/models/granite-tiny'));
      const model = await fromPretrained('granite-tiny', { threads: 1, relaxedSimd: false });
      const template = await createChatTemplate(
        '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}',
      );
      const messages = [{ role: 'user', content: 'Tell me about a cat.' }];
      const alone = await model.complete({ messages, template }, { maxNewTokens: 12, temperature: 0 });
      expect(found).toMatchObject({ text: alone.text, streamed: alone.text, outputTokens: alone.ids.length });
      expect(found.aborted).toBeLessThan(100);
      expect(['black', 'white']).toContain(found.object.color);
      expect(found.tools).toEqual([['paint', expect.stringMatching(/^It is (black|white)\.$/)]]);
      expect(found.width).toBe((await model.capture('A cat.', { sites: ['hidden'] })).get('hidden')?.shape[1]);
      expect(problems).toEqual([]);
      await model.dispose();
    } finally {
      await Promise.all([browser.close(), server.close()]);
    }
  });
});
