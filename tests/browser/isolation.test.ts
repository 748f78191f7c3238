/** `portmanteau/isolation`: on a server that sends no headers, a service worker isolates the page, so that threads compute. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { findChromium } from './chromium.ts';
import { startServer } from './server.ts';

const chromiumPath = findChromium();
const script = fileURLToPath(new URL('../../dist/isolation.js', import.meta.url));

test.skipIf(!chromiumPath)(
  'a page of a plain file server is isolated, loads anew once, and computes on threads',
  async () => {
    const files = await startServer('--not-isolated');
    let pages = 0;
    const server = createServer(async (request, response) => {
      const { url = '' } = request;
      if (url === '/isolation.js')
        return response.setHeader('content-type', 'text/javascript').end(readFileSync(script));
      const { range } = request.headers;
      const answer = await fetch(`${files.origin}${url}`, {
        method: request.method ?? 'GET',
        headers: range ? { range } : {},
      });
      const body = Buffer.from(await answer.arrayBuffer());
      for (const name of ['content-type', 'content-range', 'content-length']) {
        const value = answer.headers.get(name);
        if (value && !(name === 'content-length' && url.endsWith('.html'))) response.setHeader(name, value);
      }
      response.statusCode = answer.status;
      if (!url.endsWith('page.html')) return response.end(body);
      pages++;
      return response.end(`<script src="/isolation.js"></script>${body}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await chromium.launch({ executablePath: chromiumPath as string, args: ['--no-sandbox'] });
    try {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/tests/browser/page.html`);
      await page.waitForFunction(() => crossOriginIsolated && globalThis.inWorker);
      const load = () =>
        page.evaluate(async () => {
          const model = await inWorker.loadInWorker('/models/granite-tiny', { threads: 2 });
          const { ids } = await model.complete('The cat', { maxNewTokens: 4, ignoreEnd: true });
          await model.dispose();
          return ids.length;
        });
      expect(await load()).toBe(4);
      expect(pages).toBe(2);
      await page.reload();
      await page.waitForFunction(() => globalThis.inWorker);
      expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
      expect(pages).toBe(3);
    } finally {
      await browser.close();
      server.closeAllConnections();
      server.close();
      await files.close();
    }
  },
);
