/** /v1/completions: what the model computes, in the form of OpenAI's API. */
import { describe, expect, test } from 'vitest';
import { createHandler } from '../../src/server/handler.ts';
import type { ReadyModel } from '../../src/server/models/served-model.ts';
import { entryOf, modelOf, served, servedBy } from './served.ts';

const NAME = 'granite-tiny';
const PROMPT = 'The cat sat on the';

describe('completions', async () => {
  const model = await modelOf(NAME);
  const { client, post } = await served(NAME);
  const ids = model.encode(PROMPT);

  test('are what the model generates alone', async () => {
    const alone = await model.complete(PROMPT, { maxNewTokens: 8, temperature: 0 });
    const { choices, usage } = await client.completions.create({
      model: NAME,
      prompt: PROMPT,
      max_tokens: 8,
      temperature: 0,
    });
    expect(choices).toEqual([{ index: 0, text: alone.text, logprobs: null, finish_reason: alone.finishReason }]);
    expect(usage).toEqual({
      prompt_tokens: ids.length,
      completion_tokens: alone.ids.length,
      total_tokens: ids.length + alone.ids.length,
      prompt_tokens_details: { cached_tokens: 0 },
    });
  });

  test('are the same for ids as for text, under another name, and with a seed', async () => {
    const body = { max_tokens: 6, temperature: 1.2, seed: 7 };
    const alone = await model.complete(PROMPT, { maxNewTokens: 6, temperature: 1.2, seed: 7 });
    const one = await client.completions.create({ ...body, model: NAME, prompt: PROMPT });
    const other = await client.completions.create({ ...body, model: 'other-name', prompt: [...ids] });
    expect([one.choices[0]?.text, other.choices[0]?.text]).toEqual([alone.text, alone.text]);
  });

  test('with echo and without new tokens give the scores of the prompt, the first of them null', async () => {
    const score = await model.score(PROMPT, { alternatives: 2 });
    const { choices } = await client.completions.create({
      ...{ model: NAME, prompt: [...ids], max_tokens: 0, echo: true, logprobs: 2 },
    });
    const { tokens, token_logprobs, top_logprobs, text_offset } = choices[0]?.logprobs ?? {};
    expect(tokens).toEqual(score.tokens.map(({ text }) => text));
    expect(token_logprobs).toEqual(score.tokens.map(({ logprob }) => logprob));
    expect(token_logprobs?.[0]).toBeNull();
    expect(top_logprobs?.[0]).toBeNull();
    for (const [i, { logprob, alternatives = [] }] of score.tokens.slice(1).entries()) {
      const top = Object.values(top_logprobs?.[i + 1] ?? {});
      expect(top).toContain(logprob);
      expect(Math.max(...top)).toBe(alternatives[0]?.logprob);
    }
    expect(text_offset?.slice(0, 2)).toEqual([0, tokens?.[0]?.length]);
    expect(choices[0]?.finish_reason).toBe('length');
  });

  test('with echo and new tokens have an entry for each token of both', async () => {
    const { choices } = await client.completions.create({
      ...{ model: NAME, prompt: PROMPT, max_tokens: 3, echo: true, logprobs: 1, temperature: 0 },
    });
    expect(choices[0]?.logprobs?.tokens).toHaveLength(ids.length + 3);
    expect(choices[0]?.text.startsWith(PROMPT)).toBe(true);
  });

  test.each(['granite-tiny', 'mamba-tiny'])(
    'with echo %s reads the prompt once, and its answers are the same',
    async (name) => {
      const entry = entryOf(name, await modelOf(name));
      const { post } = servedBy(await createHandler({ models: [entry] }));
      const body = { model: name, prompt: PROMPT, max_tokens: 3, seed: 5, n: 2, logprobs: 1 };
      const echoed = await post('/v1/completions', { ...body, echo: true });
      const { promptTokens, cachedTokens } = (entry.ready as ReadyModel).scheduler.stats;
      const length = (await modelOf(name)).encode(PROMPT).length;
      expect(promptTokens).toBe(length - 1 + 2); // each of the two answers reads the last token
      expect(cachedTokens).toBe(2 * (length - 1));
      expect(echoed.json.usage.prompt_tokens_details.cached_tokens).toBe(0);
      const plain = await post('/v1/completions', body);
      expect(echoed.json.choices.map(({ text }: { text: string }) => text)).toEqual(
        plain.json.choices.map(({ text }: { text: string }) => PROMPT + text),
      );
    },
  );

  test('of several prompts with several answers come prompt by prompt, each seed its own', async () => {
    const { choices } = await client.completions.create({
      ...{ model: NAME, prompt: ['One', 'Two'], n: 2, max_tokens: 4, temperature: 1, seed: 3 },
    });
    const texts: string[] = [];
    for (const prompt of ['One', 'Two'])
      for (const seed of [3, 4])
        texts.push((await model.complete(prompt, { maxNewTokens: 4, temperature: 1, seed })).text);
    expect(choices.map(({ text }) => text)).toEqual(texts);
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
  });

  test('best_of gives the answer with the largest mean log-probability, and counts all', async () => {
    const alone = await Promise.all(
      [1, 2, 3].map((seed) => model.complete(PROMPT, { maxNewTokens: 5, temperature: 1.5, seed })),
    );
    const mean = (logprobs: readonly number[]) => logprobs.reduce((a, b) => a + b, 0) / logprobs.length;
    const best = alone.toSorted((a, b) => mean(b.logprobs) - mean(a.logprobs))[0];
    const { choices, usage } = await client.completions.create({
      ...{ model: NAME, prompt: PROMPT, best_of: 3, max_tokens: 5, temperature: 1.5, seed: 1 },
    });
    expect(choices.map(({ text }) => text)).toEqual([best?.text]);
    expect(usage?.completion_tokens).toBe(alone.reduce((sum, { ids }) => sum + ids.length, 0));
  });

  test('that are streamed add up to the one that is not, with usage at the end where it is wanted', async () => {
    const body = { model: NAME, prompt: PROMPT, max_tokens: 8, temperature: 0, logprobs: 1, n: 2 };
    const whole = await client.completions.create(body);
    const texts = ['', ''];
    const tokens: string[][] = [[], []];
    let usage: unknown;
    for await (const chunk of await client.completions.create({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      for (const { index, text, logprobs } of chunk.choices) {
        texts[index] += text;
        tokens[index]?.push(...(logprobs?.tokens ?? []));
      }
      usage = chunk.usage;
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(tokens).toEqual(whole.choices.map(({ logprobs }) => logprobs?.tokens));
    expect(usage).toEqual(whole.usage);
  });

  test('end before a stop text, and obey biases', async () => {
    const free = await model.complete(PROMPT, { maxNewTokens: 8, temperature: 0 });
    const stop = free.text.slice(3, 6);
    const { choices } = await client.completions.create({
      model: NAME,
      prompt: PROMPT,
      max_tokens: 8,
      temperature: 0,
      stop,
    });
    expect(choices[0]?.text).toBe(free.text.slice(0, free.text.indexOf(stop)));
    expect(choices[0]?.finish_reason).toBe('stop');
    const wanted = free.ids[1] as number;
    const biased = await client.completions.create({
      ...{ model: NAME, prompt: PROMPT, max_tokens: 2, temperature: 0, logit_bias: { [wanted]: 100 } },
    });
    expect(biased.choices[0]?.text).toBe(model.tokenizer?.decode([wanted, wanted]));
  });

  test('take interventions, which change this request only', async () => {
    const site = model.sites.find(({ name }) => name.endsWith('residPost'))?.name as string;
    const interventions = [{ site, scale: 0 }] as const;
    const body = { model: NAME, prompt: PROMPT, max_tokens: 6, temperature: 0 };
    const alone = await model.complete(PROMPT, { maxNewTokens: 6, temperature: 0, interventions });
    const [changed, plain] = await Promise.all([
      post('/v1/completions', { ...body, interventions }),
      post('/v1/completions', body),
    ]);
    expect(changed.json.choices[0].text).toBe(alone.text);
    expect(plain.json.choices[0].text).toBe((await model.complete(PROMPT, { maxNewTokens: 6, temperature: 0 })).text);
  });
});

describe('a wrong request', async () => {
  const { post } = await served(NAME, { maxNewTokens: 32, maxChoices: 8, maxLogprobs: 5 });
  const good = { model: NAME, prompt: PROMPT };
  test.each([
    [{ ...good, model: 'gpt-9' }, 404, 'model', 'model_not_found'],
    [{ prompt: PROMPT }, 400, 'model', 'missing_required_parameter'],
    [{ model: NAME }, 400, 'prompt', 'missing_required_parameter'],
    [{ ...good, prompt: [[1, 'a']] }, 400, 'prompt', 'invalid_value'],
    [{ ...good, prompt: [1e9] }, 400, 'prompt', 'invalid_value'],
    [{ ...good, prompt: [] }, 400, 'prompt', 'invalid_value'],
    [{ ...good, max_tokens: 33 }, 400, 'max_tokens', 'invalid_value'],
    [{ ...good, max_tokens: -1 }, 400, 'max_tokens', 'invalid_value'],
    [{ ...good, temperature: 3 }, 400, 'temperature', 'invalid_value'],
    [{ ...good, n: 9 }, 400, 'n', 'too_many_choices'],
    [{ ...good, n: 2, best_of: 1 }, 400, 'best_of', 'invalid_value'],
    [{ ...good, logprobs: 6 }, 400, 'logprobs', 'invalid_value'],
    [{ ...good, logit_bias: { 99999999: 1 } }, 400, 'logit_bias', 'invalid_value'],
    [{ ...good, suffix: 'end' }, 400, 'suffix', 'unsupported_parameter'],
    [{ ...good, temprature: 1 }, 400, 'temprature', 'unknown_parameter'],
    [{ ...good, stop: '' }, 400, 'stop', 'invalid_value'],
    [{ ...good, adapter: '../../etc' }, 400, 'adapter', 'adapter_not_found'],
    [{ ...good, session: '../../etc' }, 400, 'session', 'invalid_value'],
    [{ ...good, interventions: [{ site: 'nowhere', scale: 0 }] }, 400, 'interventions', 'invalid_value'],
    [
      { ...good, interventions: { vectors: 'a.safetensors', interventions: [] } },
      400,
      'interventions',
      'invalid_value',
    ],
  ])('%j is refused with the name of the parameter', async (body, status, param, code) => {
    const answer = await post('/v1/completions', body);
    expect([answer.status, answer.json.error.param, answer.json.error.code]).toEqual([status, param, code]);
    expect(answer.json.error.message).toMatch(/\w{3}/);
    expect(answer.json.error.type).toBe('invalid_request_error');
  });

  test('a prompt that is longer than the context is refused', async () => {
    const { status, json } = await post('/v1/completions', { ...good, prompt: 'a '.repeat(50_000) });
    expect([status, json.error.param, json.error.code]).toEqual([400, 'prompt', 'context_length_exceeded']);
  });

  test('null counts as absent, and values that mean nothing are taken', async () => {
    const body = {
      ...good,
      max_tokens: 2,
      stop: null,
      suffix: null,
      logit_bias: null,
      user: 'me',
      store: false,
      best_of: 1,
    };
    expect((await post('/v1/completions', body)).status).toBe(200);
  });
});
