/** The other endpoints, keys, and what comes to nobody's good: every wrong request is answered by an error of its own. */
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { GeneratedSequence } from '../../src/api/generated-sequence.ts';
import { loadTensors } from '../../src/node.ts';
import { entryOf, modelOf, served } from './served.ts';

const NAME = 'granite-tiny';
const TEXT = 'The cat sat.';

describe('endpoints', async () => {
  const model = await modelOf(NAME);
  const { client, post, handler } = await served(NAME, { capture: true });
  const ids = model.encode(TEXT);
  const get = async (path: string) => (await handler.fetch(new Request(`http://server${path}`))).json();

  test('models are listed under all of their names', async () => {
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual([NAME, 'other-name']);
    expect((await client.models.retrieve('other-name')).id).toBe('other-name');
    expect(await get('/health')).toMatchObject({ status: 'ready', models: [{ id: NAME, status: 'ready' }] });
  });

  test('tokenize and detokenize are inverse', async () => {
    const { json } = await post('/v1/tokenize', { model: NAME, prompt: TEXT });
    expect(json.tokens).toEqual([...ids]);
    expect(json.count).toBe(ids.length);
    expect((await post('/v1/detokenize', { model: NAME, tokens: json.tokens })).json).toEqual({ prompt: TEXT });
  });

  test('scores are those of the model', async () => {
    const alone = await model.score(TEXT, { alternatives: 2 });
    const { json } = await post('/v1/score', { model: NAME, prompt: [TEXT, 'A dog.'], top_logprobs: 2 });
    expect(json.data[0].sum_logprob).toBe(alone.sumLogprob);
    expect(json.data[0].perplexity).toBe(alone.perplexity);
    expect(json.data[0].tokens[2].top_logprobs).toEqual(alone.tokens[2]?.alternatives);
    expect(json.data).toHaveLength(2);
  });

  test('embeddings are the mean of a site, of length 1, also as the client of OpenAI asks for them', async () => {
    const site = (await model.capture(TEXT, { sites: ['hidden'] })).get('hidden');
    const width = site?.shape[1] as number;
    const means = Array.from({ length: width }, (_, j) =>
      ids.reduce((sum, _, t) => sum + (site?.data[t * width + j] as number), 0),
    );
    const length = Math.hypot(...means);
    const { data } = await client.embeddings.create({ model: NAME, input: TEXT });
    expect(data[0]?.embedding).toHaveLength(width);
    data[0]?.embedding.forEach((one, j) => {
      expect(one).toBeCloseTo((means[j] as number) / length, 5);
    });
    const last = await post('/v1/embeddings', { model: NAME, input: TEXT, pooling: 'last', normalize: false });
    expect(last.json.data[0].embedding).toEqual([...(site?.data.slice(-width) ?? [])]);
  });

  test('captured values come as safetensors, and only where the server was told', async () => {
    const body = JSON.stringify({ model: NAME, prompt: TEXT, sites: ['hidden'] });
    const request = () =>
      new Request('http://server/v1/capture', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
    const tensors = await loadTensors(new Uint8Array(await (await handler.fetch(request())).arrayBuffer()));
    const alone = await model.capture(TEXT, { sites: ['hidden'] });
    expect(tensors.get('hidden')?.shape).toEqual(alone.get('hidden')?.shape);
    expect((await (await served(NAME)).handler.fetch(request())).status).toBe(403);
  });

  test('captures that are too large are refused with numbers, and few are answered at a time', async () => {
    const small = await served(NAME, { capture: true, maxCaptureBytes: 1000 });
    const { status, json } = await small.post('/v1/capture', { model: NAME, prompt: TEXT, sites: ['blocks.*'] });
    expect([status, json.error.code, json.error.param]).toEqual([400, 'capture_too_large', 'sites']);
    expect(json.error.message).toMatch(/take \d{4,} bytes, and 1000 are the most/);
    const wrong = [
      [{ sites: ['nothing'] }, 'sites'],
      [{ sites: ['hidden'], from: 99 }, 'from'],
    ] as const;
    for (const [more, param] of wrong) {
      const answer = await small.post('/v1/capture', { model: NAME, prompt: TEXT, ...more });
      expect([answer.status, answer.json.error.param]).toEqual([400, param]);
    }
    const ask = () =>
      handler.fetch(
        new Request('http://server/v1/capture', {
          method: 'POST',
          body: JSON.stringify({ model: NAME, prompt: TEXT, sites: ['hidden'] }),
          headers: { 'content-type': 'application/json' },
        }),
      );
    const unread = [await ask(), await ask()];
    let answered = false;
    const third = ask().then((response) => {
      answered = true;
      return response;
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(false);
    await unread[0]?.body?.cancel();
    const bytes = new Uint8Array(await (await third).arrayBuffer());
    expect(bytes.length).toBe(Number((await third).headers.get('content-length')));
    await unread[1]?.body?.cancel();
  });

  test('a stream that its reader leaves frees what it holds', async () => {
    const stream = await client.completions.create({ model: NAME, prompt: TEXT, max_tokens: 400, stream: true });
    for await (const _ of stream) break;
    const ready = async () => ((await get('/health')) as { models: { running: number }[] }).models[0]?.running;
    await expect.poll(ready).toBe(0);
  });

  test('a stream that nobody reads pauses, with log-probabilities earlier; read, it is the same', async () => {
    const other = await served(NAME, {}, { models: [entryOf(NAME, model)] });
    const ask = (stream: boolean) =>
      other.handler.fetch(
        new Request('http://server/v1/completions', {
          method: 'POST',
          body: JSON.stringify({
            model: NAME,
            prompt: TEXT,
            max_tokens: 300,
            ignore_eos: true,
            temperature: 0,
            logprobs: 19,
            stream,
          }),
          headers: { 'content-type': 'application/json' },
        }),
      );
    const whole = (await (await ask(false)).json()) as { choices: { text: string }[] };
    const made = vi.spyOn(GeneratedSequence.prototype, 'take');
    const unread = await ask(true);
    await vi.waitUntil(() => made.mock.calls.length > 100, { timeout: 20_000 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(made.mock.calls.length).toBeLessThan(120); // 2048 numbers ahead, 20 of each token
    made.mockRestore();
    const events = (await unread.text()).split('\n\n').slice(0, -2);
    const texts = events.map((event) => (JSON.parse(event.slice(6)) as typeof whole).choices[0]?.text);
    expect(texts.join('')).toBe(whole.choices[0]?.text);
  });

  test('answers with more log-probabilities than are held at once are refused, unless they are streamed', async () => {
    const asked = { model: NAME, prompt: TEXT, n: 64, max_tokens: 4000, logprobs: 10 };
    const { status, json } = await post('/v1/completions', asked);
    expect([status, json.error.param, json.error.code]).toEqual([400, 'logprobs', 'too_many_logprobs']);
    const stream = await client.completions.create({ ...asked, stream: true });
    for await (const _ of stream) break;
  });

  test('a capture that nobody reads ends when its time is over, and gives its place to others', async () => {
    const hasty = await served(NAME, { capture: true, requestSeconds: 2 });
    const ask = () =>
      hasty.handler.fetch(
        new Request('http://server/v1/capture', {
          method: 'POST',
          body: JSON.stringify({ model: NAME, prompt: TEXT, sites: ['hidden'] }),
          headers: { 'content-type': 'application/json' },
        }),
      );
    const unread = [await ask(), await ask()];
    await vi.waitUntil(async () => (await ask()).ok, { timeout: 20_000, interval: 100 });
    await expect(unread[0]?.body?.getReader().read()).rejects.toThrow(/too long/); // the first whose time was over
    await unread[1]?.body?.cancel().catch(() => {});
  });

  test('drains: what has begun is answered, and nothing new is taken', async () => {
    const other = await served(NAME);
    const running = other.post('/v1/completions', { model: NAME, prompt: TEXT, max_tokens: 20 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const drained = other.handler.drain();
    expect((await other.post('/v1/completions', { model: NAME, prompt: TEXT })).status).toBe(503);
    expect((await other.handler.fetch(new Request('http://server/health'))).status).toBe(503);
    expect((await running).status).toBe(200);
    await drained;
  });
});

describe('a key', async () => {
  const { post, client, handler } = await served(NAME, { apiKey: 'right', cors: ['https://page.example'] });

  test('is wanted by all endpoints but /health', async () => {
    expect((await client.models.list()).data).toHaveLength(2);
    const { status, json } = await post(
      '/v1/completions',
      { model: NAME, prompt: 'a' },
      { authorization: 'Bearer wrong' },
    );
    expect([status, json.error.code]).toEqual([401, 'invalid_api_key']);
    expect(JSON.stringify(json)).not.toContain('right');
    for (const path of ['/v1/models', '/metrics', '/v1/sessions'])
      expect((await handler.fetch(new Request(`http://server${path}`))).status).toBe(401);
    expect((await handler.fetch(new Request('http://server/health'))).status).toBe(200);
  });

  test('does not hinder browsers from asking first, for the pages that are allowed', async () => {
    const ask = (origin: string) =>
      handler.fetch(
        new Request('http://server/v1/models', {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'GET' },
        }),
      );
    expect((await ask('https://page.example')).headers.get('access-control-allow-origin')).toBe('https://page.example');
    expect((await ask('https://other.example')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('whatever comes in', async () => {
  const model = await modelOf(NAME);
  const { handler } = await served(NAME, { capture: true, maxNewTokens: 4, maxBodyBytes: 20_000, maxChoices: 4 });
  const paths = ['completions', 'chat/completions', 'tokenize', 'detokenize', 'score', 'embeddings', 'capture'];
  const send = async (path: string, body: BodyInit, type = 'application/json') =>
    handler.fetch(new Request(`http://server/v1/${path}`, { method: 'POST', body, headers: { 'content-type': type } }));
  const isAnswer = async (response: Response) => {
    expect(response.status).toBeLessThan(500);
    if (response.status === 200) return;
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
    expect(typeof error.message).toBe('string');
  };
  const path = fc.constantFrom(...paths);

  test('bytes that are no JSON are refused', () =>
    fc.assert(
      fc.asyncProperty(path, fc.uint8Array({ maxLength: 60 }), async (to, bytes) => {
        const response = await send(to, bytes as Uint8Array<ArrayBuffer>);
        expect(response.status).toBe(400);
        await isAnswer(response);
      }),
      { numRuns: 100 },
    ));

  const names = [
    'prompt',
    'messages',
    'max_tokens',
    'temperature',
    'n',
    'logprobs',
    'stop',
    'tokens',
    'input',
    'sites',
  ].concat(
    ...[
      [
        'logit_bias',
        'interventions',
        'adapter',
        'session',
        'stream',
        'echo',
        'seed',
        'top_k',
        'site',
        'tools',
        'from',
        'best_of',
      ],
    ],
  );
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom(-1, 0, 1, 1e308, -0.5, 2 ** 53, '', '\ud800', '../../etc/passwd', [], {}, [[]], [1], ['a'], true),
  );

  test('values of all kinds are answered or refused, and the server goes on', () =>
    fc.assert(
      fc.asyncProperty(path, fc.dictionary(fc.constantFrom(...names), odd, { maxKeys: 5 }), async (to, body) => {
        const response = await send(to, JSON.stringify({ model: NAME, prompt: 'a', max_tokens: 1, ...body }));
        await isAnswer(response);
        await response.body?.cancel().catch(() => {});
      }),
      { numRuns: 300 },
    ));

  test.each<[string, object, string]>([
    ['a list as logit_bias', { logit_bias: [1, 2] }, 'logit_bias'],
    ['a text of megabytes, before it is encoded', { prompt: 'a'.repeat(4e6) }, 'prompt'],
    ['many interventions', { interventions: Array(2000).fill({ site: 'hidden', scale: 1 }) }, 'interventions'],
    ['interventions that overflow', { interventions: [{ site: 'blocks.0.residPost', scale: 1e308 }] }, 'interventions'],
    ['a model that is a path', { model: '../../etc/passwd' }, 'model'],
  ])('%s is a wrong request, with the name of the parameter', async (_, body, param) => {
    const { post } = await served(NAME);
    const encode = vi.spyOn(model, 'encode');
    const { status, json } = await post('/v1/completions', { model: NAME, prompt: 'a', max_tokens: 1, ...body });
    if (param === 'prompt') expect(encode).not.toHaveBeenCalled();
    encode.mockRestore();
    expect([status === 400 || status === 404, json.error.param]).toEqual([true, param]);
  });

  test('a conversation of megabytes is refused before it is written', async () => {
    const { post } = await served(NAME);
    for (const messages of [
      [{ role: 'user', content: 'word '.repeat(1e6) }],
      [{ role: 'user', content: [{ type: 'text', text: 'word '.repeat(1e6) }] }],
      Array(5000).fill({ role: 'user', content: 'a' }),
    ]) {
      const { status, json } = await post('/v1/chat/completions', { model: NAME, messages });
      expect([status, json.error.code]).toEqual([400, 'context_length_exceeded']);
    }
  });

  test('bodies that are too large, deep, or of another type are refused', async () => {
    expect((await send('completions', `{"prompt":"${'a'.repeat(30_000)}"}`)).status).toBe(413);
    expect((await send('completions', `${'['.repeat(9_000)}${']'.repeat(9_000)}`)).status).toBe(400);
    expect(
      (await send('completions', `{"model":"${NAME}","prompt":${'['.repeat(9_000)}${']'.repeat(9_000)}}`)).status,
    ).toBe(400);
    expect((await send('completions', '{}', 'text/plain')).status).toBe(415);
    const packed = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const request = new Request('http://server/v1/completions', { method: 'POST', body: '{}', headers: packed });
    expect((await handler.fetch(request)).status).toBe(415);
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect((await handler.fetch(new Request('http://server/v1/completions', { method }))).status).toBe(405);
    expect((await handler.fetch(new Request('http://server/etc/passwd'))).status).toBe(404);
  });
});
