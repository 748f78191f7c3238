/** The server of the playground hands out the page and the models that it offers, and nothing else. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningPlayground, servePlayground } from '../../src/node.ts';

const weights = new URL('../../models/granite-tiny/model.safetensors', import.meta.url);

describe('the server of the playground', () => {
  let site: RunningPlayground;
  beforeAll(async () => {
    site = await servePlayground({ port: 0 });
  });
  afterAll(() => site.close());

  /** The path as it is, which fetch would make plain. */
  const statusOf = (path: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const { hostname, port } = new URL(site.url);
      request({ hostname, port, path }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('sends the headers that isolate pages, with the page and with scripts', async () => {
    const page = await fetch(site.url);
    const [, script = ''] = /src="\.\/(assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    for (const { headers } of [page, await fetch(new URL(script, site.url))]) {
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
    }
  });

  test('lists the models, and sends parts of their files', async () => {
    const { models } = (await (await fetch(`${site.url}models/manifest.json`)).json()) as {
      models: { name: string }[];
    };
    expect(models.map(({ name }) => name)).toContain('granite-tiny');
    const answer = await fetch(`${site.url}models/granite-tiny/model.safetensors`, {
      headers: { range: 'bytes=5-1048999' },
    });
    expect(answer.status).toBe(206);
    const all = readFileSync(weights);
    expect(answer.headers.get('content-range')).toBe(`bytes 5-1048999/${all.length}`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(all.subarray(5, 1_049_000))).toBe(true);
    const head = await fetch(`${site.url}models/granite-tiny/model.safetensors`, { method: 'HEAD' });
    expect(Number(head.headers.get('content-length'))).toBe(all.length);
  });

  test.each([
    '/../package.json',
    '/models/granite-tiny/../../package.json',
    '/models/granite-tiny/..%2f..%2fpackage.json',
    '/models/granite-tiny/..%5cconfig.json',
    '/models/..%2f..%2ftests/goldens.ts',
    '/..%2findex.html',
    '/%00',
    '/%zz',
    '/models/nothing/config.json',
    '/assets/',
    '//etc/passwd',
  ])('%s is not there', async (path) => {
    expect(await statusOf(path)).toBe(404);
  });

  test('only reads', async () => {
    expect((await fetch(site.url, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test('a model that does not exist and a port in use are errors', async () => {
    await expect(servePlayground({ models: ['no-such-model-here'], hub: { offline: true } })).rejects.toThrow(
      /no-such-model-here/,
    );
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(servePlayground({ port })).rejects.toThrow(/another program listens there/);
    other.close();
  });
});
