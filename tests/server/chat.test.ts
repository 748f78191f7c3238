/** /v1/chat/completions by the clients of OpenAI and of the AI SDK, and sessions. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, streamText } from 'ai';
import { afterAll, describe, expect, test } from 'vitest';
import { ChatAnswer } from '../../src/server/chat/chat-answer.ts';
import { createHandler } from '../../src/server/handler.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { chatModel } from './chat-model.ts';
import { entryOf, modelOf, servedBy } from './served.ts';

const { folder, remove } = chatModel('granite-tiny');
afterAll(remove);

describe('chat', async () => {
  const model = await modelOf(folder);
  const { client, handler, post } = servedBy(await createHandler({ models: [entryOf('talker', model)] }));
  const messages = [{ role: 'user' as const, content: 'Tell me about a cat.' }];
  const alone = async (maxNewTokens: number) => model.complete({ messages }, { maxNewTokens, temperature: 0 });
  const body = { model: 'talker', messages, max_completion_tokens: 12, temperature: 0 };

  test('is what the model answers alone, whole and streamed', async () => {
    const { text, finishReason, ids } = await alone(12);
    const { choices, usage } = await client.chat.completions.create(body);
    expect(choices[0]?.message).toEqual({ role: 'assistant', content: text, refusal: null });
    expect(choices[0]?.finish_reason).toBe(finishReason);
    expect(usage?.completion_tokens).toBe(ids.length);
    let streamed = '';
    for await (const { choices } of await client.chat.completions.create({ ...body, stream: true }))
      streamed += choices[0]?.delta.content ?? '';
    expect(streamed).toBe(text);
  });

  test('gives log-probabilities of each token', async () => {
    const { logprobs } = await alone(4);
    const { choices } = await client.chat.completions.create({
      ...{ ...body, max_completion_tokens: 4, logprobs: true, top_logprobs: 3 },
    });
    const content = choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ logprob }) => logprob)).toEqual(logprobs);
    for (const { top_logprobs, logprob } of content) {
      expect(top_logprobs).toHaveLength(3);
      expect(top_logprobs[0]?.logprob).toBe(logprob);
    }
  });

  test('is what the AI SDK gets through its provider for such servers', async () => {
    const provider = createOpenAICompatible({
      ...{ name: 'portmanteau', baseURL: 'http://server/v1' },
      fetch: (url: string | URL | Request, init?: RequestInit) => handler.fetch(new Request(url, init)),
    });
    const { text } = await alone(12);
    const options = { model: provider('talker'), messages, maxOutputTokens: 12, temperature: 0 };
    expect((await generateText(options)).text).toBe(text);
    let streamed = '';
    for await (const piece of streamText(options).textStream) streamed += piece;
    expect(streamed).toBe(text);
  });

  describe('with tools', () => {
    const tool = (name: string) => ({
      type: 'function' as const,
      function: {
        name,
        parameters: {
          type: 'object',
          properties: { day: { enum: ['today'] } },
          required: ['day'],
          additionalProperties: false,
        },
      },
    });
    const tools = [tool('weather'), tool('time')];
    const asked = { ...body, max_completion_tokens: 60, tools };

    test('that have to be called, the answer is a call, whole and streamed', async () => {
      const { choices } = await client.chat.completions.create({ ...asked, tool_choice: 'required' });
      const [call] = choices[0]?.message.tool_calls ?? [];
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
      expect(call).toMatchObject({ type: 'function', function: { arguments: '{"day":"today"}' } });
      const named = { type: 'function' as const, function: { name: 'time' } };
      const stream = await client.chat.completions.create({ ...asked, tool_choice: named, stream: true });
      const calls = [];
      for await (const { choices } of stream) calls.push(...(choices[0]?.delta.tool_calls ?? []));
      expect(calls).toMatchObject([{ index: 0, function: { name: 'time', arguments: '{"day":"today"}' } }]);
    });

    test('that may be called beside a form, the answer has that form or is a call', async () => {
      const schema = { enum: ['yes'] };
      const format = { type: 'json_schema' as const, json_schema: { name: 'x', schema } };
      const { choices } = await client.chat.completions.create({ ...asked, response_format: format });
      const { content, tool_calls } = choices[0]?.message ?? {};
      expect(content === '"yes"' || tool_calls?.length === 1).toBe(true);
    });

    test('that are not there, or have schemas that are not supported, is an error', async () => {
      const named = { type: 'function', function: { name: 'other' } };
      for (const [more, param] of [
        [{ tools: [], tool_choice: 'required' }, 'tool_choice'],
        [{ tool_choice: named }, 'tool_choice'],
        [{ tool_choice: 'always' }, 'tool_choice'],
        [
          { tools: [{ type: 'function', function: { name: 'a', parameters: { not: {} } } }], tool_choice: 'required' },
          'tools',
        ],
      ] as const) {
        const { status, json } = await post('/v1/chat/completions', { ...asked, ...more });
        expect([status, json.error.param]).toEqual([400, param]);
      }
    });

    test('of which only one may be called, what follows the first call is left out', async () => {
      const reader = (severalCalls: boolean) =>
        new ChatAnswer(model.tokenizer as Tokenizer, { tools: true, logprobs: false, severalCalls });
      const calls = '[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]';
      const step = { index: 0, answer: 0, text: calls, finishReason: 'stop' as const };
      expect([true, false].map((several) => reader(several).add(step).toolCalls.length)).toEqual([2, 1]);
      expect((await post('/v1/chat/completions', { ...asked, parallel_tool_calls: false })).status).toBe(200);
    });
  });

  test('goes on with a session: only what is new is read, and the answer is the same', async () => {
    const first = await client.chat.completions.create({ ...body, max_completion_tokens: 6 });
    const begin = await post('/v1/chat/completions', { ...body, max_completion_tokens: 6, session: 'mine' });
    expect(begin.json.choices).toEqual(first.choices);
    const longer = [
      ...messages,
      { role: 'assistant', content: first.choices[0]?.message.content },
      { role: 'user', content: 'And then?' },
    ];
    const second = await post('/v1/chat/completions', { ...body, messages: longer, session: 'mine' });
    expect(second.status).toBe(200);
    expect(second.json.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
    const list = await (await handler.fetch(new Request('http://server/v1/sessions'))).json();
    expect(list.data).toMatchObject([{ name: 'mine', model: 'talker' }]);
    const removed = await handler.fetch(
      new Request('http://server/v1/sessions/mine?model=talker', { method: 'DELETE' }),
    );
    expect(await removed.json()).toEqual({ name: 'mine', model: 'talker', deleted: true });
    expect(model.stateMemory.usedBytes).toBeGreaterThanOrEqual(0);
  });

  test('has the form that a JSON schema asks for; schemas that are wrong are refused', async () => {
    const schema = {
      type: 'object',
      properties: { cat: { enum: ['black', 'white'] } },
      required: ['cat'],
      additionalProperties: false,
    };
    const { choices } = await client.chat.completions.create({
      ...{ ...body, max_completion_tokens: 60, temperature: 1, seed: 1 },
      response_format: { type: 'json_schema', json_schema: { name: 'cat', schema } },
    });
    expect(['black', 'white']).toContain(JSON.parse(choices[0]?.message.content ?? '').cat);
    const wrong = { type: 'json_schema', json_schema: { name: 'cat', schema: { type: 'cat' } } };
    const { status, json } = await post('/v1/chat/completions', { ...body, response_format: wrong });
    expect([status, json.error.param]).toEqual([400, 'response_format']);
  });

  test.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ content: 'no role' }] }, 'messages'],
    [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc/passwd' } }] }] },
      'messages',
    ],
    [{ tools: [{ type: 'function' }] }, 'tools'],
    [{ top_logprobs: 2 }, 'top_logprobs'],
    [{ modalities: ['audio'] }, 'modalities'],
    [{ n: 1000 }, 'n'],
    [{ session: 'a b' }, 'session'],
    [{ session: 'mine', n: 2 }, 'session'],
  ])('refuses %j', async (wrong, param) => {
    const { status, json } = await post('/v1/chat/completions', { ...body, ...wrong });
    expect([status, json.error.param]).toEqual([400, param]);
  });
});

test('a model without a template says so', async () => {
  const { post } = servedBy(await createHandler({ models: [entryOf('base', await modelOf('mamba-tiny'))] }));
  const { status, json } = await post('/v1/chat/completions', {
    model: 'base',
    messages: [{ role: 'user', content: 'Hi' }],
  });
  expect([status, json.error.param]).toEqual([400, 'messages']);
  expect(json.error.message).toContain('template');
});

test('a session of a recurrent model goes on with its own tokens', async () => {
  const { post } = servedBy(await createHandler({ models: [entryOf('m', await modelOf('mamba-tiny'))] }));
  const body = { model: 'm', max_tokens: 5, temperature: 0, session: 'a', ignore_eos: true };
  const first = await post('/v1/completions', { ...body, prompt: 'Once upon a time' });
  const whole = `Once upon a time${first.json.choices[0].text}`;
  const second = await post('/v1/completions', { ...body, prompt: `${whole}, and then` });
  expect(second.json.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(4);
});
