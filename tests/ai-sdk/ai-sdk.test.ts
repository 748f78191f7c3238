/** The provider with the real AI SDK: what it gives is what the model gives alone. */
import {
  embed,
  embedMany,
  generateObject,
  generateText,
  jsonSchema,
  NoObjectGeneratedError,
  Output,
  stepCountIs,
  streamText,
  tool,
} from 'ai';
import { afterAll, describe, expect, test } from 'vitest';
import { createPortmanteau, portmanteau } from '../../src/ai-sdk/index.ts';
import { createChatTemplate, fromPretrained, Scheduler } from '../../src/node.ts';

const TEMPLATE =
  '{% if tools %}{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}' +
  '{% for call in m.tool_calls or [] %} calls {{ call.function.name }} with {{ call.function.arguments | tojson }}{% endfor %}{{ "\n" }}{% endfor %}' +
  '{% if add_generation_prompt %}assistant: {% endif %}';

const model = await fromPretrained('granite-tiny', { threads: 1 });
const template = await createChatTemplate(TEMPLATE);
const talker = portmanteau(model, { template });
afterAll(() => model.dispose());

const maxRetries = 0;
const greedy = { maxOutputTokens: 12, temperature: 0, maxRetries };
const PROMPT = 'Once upon a time';

describe('text', () => {
  test('of a model without a template goes on with the prompt', async () => {
    const alone = await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0 });
    const { text, usage, finishReason, warnings, response } = await generateText({
      ...{ model: portmanteau(model), prompt: PROMPT },
      ...greedy,
    });
    expect(text).toBe(alone.text);
    expect(finishReason).toBe(alone.finishReason);
    expect(usage).toMatchObject({ inputTokens: alone.promptIds.length, outputTokens: alone.ids.length });
    expect(warnings).toEqual([]);
    expect(response.modelId).toBe(model.family);
  });

  test('of a conversation is what the model answers, whole and streamed', async () => {
    const messages = [
      { role: 'system' as const, content: 'Be kind.' },
      { role: 'user' as const, content: 'Tell me about a cat.' },
    ];
    const alone = await model.complete({ messages, template }, { maxNewTokens: 12, temperature: 0 });
    const call = { model: talker, messages, allowSystemInMessages: true, ...greedy };
    expect((await generateText(call)).text).toBe(alone.text);
    const result = streamText(call);
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces.join('')).toBe(alone.text);
    expect(pieces.length).toBeGreaterThan(1);
    expect(await result.finishReason).toBe(alone.finishReason);
    expect((await result.usage).outputTokens).toBe(alone.ids.length);
  });

  test('follows sampling settings, stop sequences and provider options', async () => {
    const options = {
      maxNewTokens: 10,
      temperature: 0.9,
      topK: 20,
      topP: 0.9,
      seed: 7,
      minP: 0.01,
      repetitionPenalty: 1.2,
    };
    const alone = await model.complete(PROMPT, options);
    const { text, providerMetadata } = await generateText({
      ...{ model: portmanteau(model), prompt: PROMPT, maxRetries },
      ...{ maxOutputTokens: 10, temperature: 0.9, topK: 20, topP: 0.9, seed: 7 },
      providerOptions: { portmanteau: { minP: 0.01, repetitionPenalty: 1.2, alternatives: 2 } },
    });
    expect(text).toBe(alone.text);
    expect(providerMetadata?.portmanteau?.seed).toBe(7);
    const logged = providerMetadata?.portmanteau?.logprobs as {
      id: number;
      logprob: number;
      alternatives: unknown[];
    }[];
    expect(logged.map(({ id }) => id)).toEqual(alone.ids);
    expect(logged.map(({ logprob }) => logprob)).toEqual(alone.logprobs);
    expect(logged[0]?.alternatives).toHaveLength(2);
    const whole = await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0 });
    const stop = whole.text.slice(5, 8);
    const stopped = await generateText({ model: portmanteau(model), prompt: PROMPT, ...greedy, stopSequences: [stop] });
    expect(stopped.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    expect(stopped.finishReason).toBe('stop');
  });

  test('is changed by interventions, of a call and of the settings', async () => {
    const width = model.facts.dModel;
    const values = Array.from({ length: width }, (_, i) => (i % 2 === 0 ? 5 : -5));
    const interventions = [{ site: 'hidden', add: { vector: 'mood' }, by: 1 }];
    const set = {
      version: 1 as const,
      vectors: new Map([['mood', { shape: [width], dtype: 'f32' as const, data: Float32Array.from(values) }]]),
      interventions,
    };
    const steered = await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0, interventions: set });
    const plain = await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0 });
    expect(steered.text).not.toBe(plain.text);
    const inCall = await generateText({
      ...{ model: portmanteau(model), prompt: PROMPT, ...greedy },
      providerOptions: { portmanteau: { interventions: { version: 1, vectors: { mood: values }, interventions } } },
    });
    const inSettings = await generateText({
      ...{ model: portmanteau(model, { interventions: set }), prompt: PROMPT, ...greedy },
    });
    expect([inCall.text, inSettings.text]).toEqual([steered.text, steered.text]);
  });

  test('of calls at the same time is that of each alone; a second reading of a prompt is from the cache', async () => {
    const scheduler = new Scheduler(model);
    const shared = portmanteau(scheduler, { id: 'shared' });
    const prompts = ['The sea was', 'A long time ago', 'My dog', PROMPT];
    const alone = await Promise.all(prompts.map((one) => model.complete(one, { maxNewTokens: 8, temperature: 0 })));
    const all = prompts.map((prompt) => generateText({ model: shared, prompt, ...greedy, maxOutputTokens: 8 }));
    expect((await Promise.all(all)).map(({ text }) => text)).toEqual(alone.map(({ text }) => text));
    expect(scheduler.stats.steps).toBeLessThan(30);
    const again = await generateText({ model: shared, prompt: PROMPT, ...greedy });
    expect(again.usage.inputTokenDetails.cacheReadTokens).toBeGreaterThan(0);
    await scheduler.close();
  });
});

describe('output of a form', () => {
  const schema = jsonSchema<{ color: string }>({
    type: 'object',
    properties: { color: { enum: ['black', 'white'] } },
    required: ['color'],
    additionalProperties: false,
  });

  test('is what the schema accepts', async () => {
    const sampled = { model: talker, prompt: 'A cat', temperature: 1, seed: 3, maxOutputTokens: 60, maxRetries };
    const { object } = await generateObject({ ...sampled, schema });
    expect(['black', 'white']).toContain(object.color);
    const { output } = await generateText({ ...sampled, output: Output.object({ schema }) });
    expect(['black', 'white']).toContain(output.color);
  });

  test('that is cut off is an error of the AI SDK; a schema that is not supported names its place', async () => {
    const cut = generateObject({ model: talker, prompt: 'A cat', schema, maxOutputTokens: 2, maxRetries });
    await expect(cut).rejects.toSatisfy((error) => NoObjectGeneratedError.isInstance(error));
    const odd = jsonSchema({ type: 'object', not: { required: ['a'] } });
    const refused = generateObject({ model: talker, prompt: 'A cat', schema: odd, maxRetries });
    await expect(refused).rejects.toThrow(/not/);
  });
});

describe('tools', () => {
  const weather = tool({
    description: 'The weather in a town',
    inputSchema: jsonSchema<{ town: string }>({
      type: 'object',
      properties: { town: { enum: ['Paris', 'Rome'] } },
      required: ['town'],
      additionalProperties: false,
    }),
    execute: async ({ town }) => `sunny in ${town}`,
  });
  const asked = {
    model: talker,
    prompt: 'What is the weather?',
    tools: { weather },
    temperature: 1,
    seed: 2,
    maxRetries,
  };

  test('are called when a call is wanted, and their results are read', async () => {
    const { steps } = await generateText({
      ...{ ...asked, maxOutputTokens: 60, stopWhen: stepCountIs(2) },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? 'required' : 'none' }),
    });
    const [first, second] = steps;
    expect(first?.finishReason).toBe('tool-calls');
    expect(first?.toolCalls).toHaveLength(1);
    const call = first?.toolCalls[0];
    expect(call?.toolName).toBe('weather');
    const town = String(Object(call?.input).town);
    expect(['Paris', 'Rome']).toContain(town);
    expect(first?.toolResults[0]?.output).toBe(`sunny in ${town}`);
    const read = `user: What is the weather?\nassistant:  calls weather with {"town": "${town}"}\ntool: sunny in ${town}\nassistant: `;
    expect(second?.usage.inputTokens).toBe(model.tokenizer?.encode(read).length);
  });

  test('come whole in a stream; a choice that is not there is refused', async () => {
    const call = { ...asked, maxOutputTokens: 60, toolChoice: { type: 'tool' as const, toolName: 'weather' as const } };
    const types: string[] = [];
    for await (const part of streamText(call).fullStream) types.push(part.type);
    expect(types).toEqual(
      expect.arrayContaining(['tool-input-start', 'tool-input-delta', 'tool-input-end', 'tool-call', 'tool-result']),
    );
    expect(types).not.toContain('text-delta');
    const wrong = talker.doGenerate({
      ...{ prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }] },
      toolChoice: { type: 'tool', toolName: 'other' },
    });
    await expect(wrong).rejects.toThrow(/'?other'?/);
  });

  test('that the model is not shown are a warning', async () => {
    const blind = portmanteau(model, { template: await createChatTemplate('{{ messages[0].content }}') });
    const { warnings } = await generateText({ ...asked, model: blind, maxOutputTokens: 2 });
    expect(warnings).toMatchObject([{ type: 'unsupported', feature: 'tools' }]);
  });
});

describe('an abort', () => {
  test('ends a stream and frees what it holds', async () => {
    const { usedBytes } = model.stateMemory;
    const scheduler = new Scheduler(model, { cacheBytes: 0 });
    const stop = new AbortController();
    const result = streamText({
      ...{ model: portmanteau(scheduler, { ignoreEnd: true }), prompt: PROMPT, temperature: 0 },
      ...{ maxOutputTokens: 400, abortSignal: stop.signal },
    });
    const types = new Set<string>();
    for await (const part of result.fullStream) {
      types.add(part.type);
      if (part.type === 'text-delta') stop.abort();
    }
    expect(types).toContain('abort');
    expect(types).not.toContain('error');
    await scheduler.drain();
    expect(scheduler.stats).toMatchObject({ running: 0, waiting: 0, stateBytes: usedBytes });
  });

  test('before the call is its error', async () => {
    const abortSignal = AbortSignal.abort();
    await expect(generateText({ model: talker, prompt: 'Hi', abortSignal })).rejects.toThrow(/abort/i);
  });

  test('leaving a stream frees what it holds', async () => {
    const { usedBytes } = model.stateMemory;
    const scheduler = new Scheduler(model, { cacheBytes: 0 });
    const prompt = [{ role: 'user' as const, content: [{ type: 'text' as const, text: PROMPT }] }];
    const { stream } = await portmanteau(scheduler, { ignoreEnd: true }).doStream({ prompt, maxOutputTokens: 400 });
    const reader = stream.getReader();
    expect((await reader.read()).value?.type).toBe('stream-start');
    await reader.cancel();
    await scheduler.drain();
    expect(scheduler.stats).toMatchObject({ running: 0, waiting: 0, stateBytes: usedBytes });
  });
});

describe('what is wrong', () => {
  test('is told: messages without a template, files, options', async () => {
    const base = portmanteau(model);
    const system = generateText({ model: base, system: 'Be kind.', prompt: 'Hi', maxRetries });
    await expect(system).rejects.toThrow(/no chat template.*template: await createChatTemplate/);
    const file = { type: 'file' as const, data: new Uint8Array([1]), mediaType: 'application/pdf' };
    const withFile = generateText({ model: base, messages: [{ role: 'user', content: [file] }], maxRetries });
    await expect(withFile).rejects.toThrow(/text only/);
    const providerOptions = { portmanteau: { min_p: 0.1 } };
    await expect(generateText({ model: base, prompt: 'Hi', providerOptions, maxRetries })).rejects.toThrow(/minP/);
    const adapter = { portmanteau: { adapter: 'poet' } };
    await expect(generateText({ model: base, prompt: 'Hi', providerOptions: adapter, maxRetries })).rejects.toThrow(
      /poet.*'adapters' has none/,
    );
  });

  test('in a stream is an error of the stream', async () => {
    const errors: unknown[] = [];
    const result = streamText({
      ...{ model: portmanteau(model), system: 'Be kind.', prompt: 'Hi', maxRetries },
      onError: ({ error }) => void errors.push(error),
    });
    await result.consumeStream();
    expect(String(errors[0])).toMatch(/no chat template/);
  });

  test('is found when a model is made', () => {
    expect(() => portmanteau('granite-tiny')).toThrow(/createPortmanteau/);
    expect(() => portmanteau(Promise.resolve(model) as never)).toThrow(/await/);
    expect(() => portmanteau(model, { tempratur: 1 } as never)).toThrow(/temperature/);
  });
});

describe('embeddings', () => {
  test('are the pooled values of a site', async () => {
    const { embedding, usage } = await embed({ model: portmanteau.embeddingModel(model), value: PROMPT });
    const ids = model.encode(PROMPT);
    const hidden = (await model.capture(ids, { sites: ['hidden'] })).get('hidden')?.data as Float32Array;
    const width = model.facts.dModel;
    const means = Array.from({ length: width }, (_, i) =>
      ids.reduce((sum, _, t) => sum + (hidden[t * width + i] as number) / ids.length, 0),
    );
    const length = Math.hypot(...means);
    expect(embedding).toHaveLength(width);
    for (const [i, value] of embedding.entries()) expect(value).toBeCloseTo((means[i] as number) / length, 5);
    expect(usage.tokens).toBe(ids.length);
    const last = portmanteau.embeddingModel(model, { pooling: 'last', normalize: false });
    const { embeddings } = await embedMany({ model: last, values: [PROMPT, 'The sea'] });
    expect(embeddings[0]).toEqual([...hidden.slice(-width)]);
    expect(embeddings).toHaveLength(2);
  });

  test('of a site that is not there are an error', async () => {
    const wrong = portmanteau.embeddingModel(model, { site: 'nowhere' });
    await expect(embed({ model: wrong, value: PROMPT, maxRetries })).rejects.toThrow(/no site/);
  });
});

test('a provider has models by names', async () => {
  const provider = createPortmanteau({ models: { tiny: model } });
  const { text, response } = await generateText({ model: provider('tiny'), prompt: PROMPT, ...greedy });
  expect(text).toBe((await model.complete(PROMPT, { maxNewTokens: 12, temperature: 0 })).text);
  expect(response.modelId).toBe('tiny');
  expect(() => provider('other')).toThrow(/it has tiny/);
  expect(() => createPortmanteau({ models: { bad: 'x' as never } })).toThrow(/models.bad/);
});

test('models work behind a Proxy, as version 7 of the AI SDK wraps them', async () => {
  const call = { prompt: PROMPT, ...greedy };
  const { text } = await generateText({ model: new Proxy(portmanteau(model), {}), ...call });
  expect(text).toBe((await generateText({ model: portmanteau(model), ...call })).text);
  let streamed = '';
  for await (const piece of streamText({ model: new Proxy(portmanteau(model), {}), ...call }).textStream)
    streamed += piece;
  expect(streamed).toBe(text);
  const vectors = portmanteau.embeddingModel(model);
  const { embedding } = await embed({ model: new Proxy(vectors, {}), value: 'A cat.', maxRetries });
  expect(embedding).toEqual((await embed({ model: vectors, value: 'A cat.', maxRetries })).embedding);
});
