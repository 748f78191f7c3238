/** `portmanteau/server`: the server in somebody else's, behind any HTTP server that knows Request and Response. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, expect, test } from 'vitest';
import { createHandler, servedModel } from '../../src/server/index.ts';
import { modelOf } from './served.ts';

const model = await modelOf('granite-tiny');
const served = servedModel('small', model, { aliases: ['other'], maxSequences: 2 });
afterAll(() => served.ready?.scheduler.close());

const asked = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ model: 'other', prompt: 'The cat', max_tokens: 4, temperature: 0, ...body }),
});

test('the handler answers requests by itself, and behind a server', async () => {
  const { text } = await model.complete('The cat', { maxNewTokens: 4, temperature: 0 });
  const handler = await createHandler({ models: [served] }, { maxNewTokens: 8 });
  const { fetch: answer } = handler; // as Deno.serve and export default take it
  const alone = await (await answer(new Request('http://any/v1/completions', asked({})))).json();
  expect(alone.choices[0].text).toBe(text);
  expect((await answer(new Request('http://any/v1/completions', asked({ max_tokens: 9 })))).status).toBe(400);
  const server = createAdaptorServer({ fetch: answer, createServer });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const outside = await (await fetch(`http://127.0.0.1:${port}/v1/completions`, asked({}))).json();
  expect(outside.choices).toEqual(alone.choices);
  await new Promise((resolve) => server.close(resolve));
});

test('wrong options are errors', () => {
  expect(() => servedModel('a', model, { maxSequence: 3 } as never)).toThrow(/maxSequence/);
});
