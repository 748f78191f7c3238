/** Conversations of several turns: a turn reads the last answer and what is new, however long the conversation is, also where states are recurrent. */
import { afterAll, describe, expect, test } from 'vitest';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { createHandler } from '../../src/server/handler.ts';
import type { ReadyModel } from '../../src/server/models/served-model.ts';
import { chatModel } from './chat-model.ts';
import { entryOf, modelOf, servedBy } from './served.ts';

const NEW_TOKENS = 12;
const QUESTION = 'And then?';
const LENGTHS = [1, 40, 120];

describe.each(['mamba-tiny', 'granite-tiny'])('%s', async (name) => {
  const { folder, remove } = chatModel(name);
  afterAll(remove);
  const model = await modelOf(folder);
  const tokens = (text: string) => model.tokenizer?.encode(text, { addSpecialTokens: false }).length ?? 0;
  const longest = model.facts.contextLength ?? Number.POSITIVE_INFINITY;
  const lengths = LENGTHS.filter((length) => tokens('The cat sat. ') * length + 100 < longest);

  /** Two turns, the first of which is as long as this; how many tokens the second one read, and what else is to be known of it. */
  async function turns(length: number, seed: number, session: string | undefined, cacheBytes?: number) {
    const entry = entryOf('m', model, {
      scheduler: new Scheduler(model, cacheBytes === undefined ? {} : { cacheBytes }),
    });
    const { scheduler } = entry.ready as ReadyModel;
    const { post, handler } = servedBy(await createHandler({ models: [entry] }));
    const body = {
      model: 'm',
      temperature: 1.5,
      seed,
      max_tokens: NEW_TOKENS,
      ignore_eos: true,
      ...(session ? { session } : {}),
    };
    const messages = [{ role: 'user', content: 'The cat sat. '.repeat(length) }];
    const first = await post('/v1/chat/completions', { ...body, messages });
    const answer = first.json.choices[0].message.content as string;
    const before = scheduler.stats.promptTokens;
    const second = await post('/v1/chat/completions', {
      ...body,
      messages: [...messages, { role: 'assistant', content: answer }, { role: 'user', content: QUESTION }],
    });
    const read = scheduler.stats.promptTokens - before;
    if (session) await handler.fetch(new Request(`http://server/v1/sessions/${session}?model=m`, { method: 'DELETE' }));
    await scheduler.close();
    expect(second.status).toBe(200);
    return { read, answer, text: second.json.choices[0].message.content as string, usage: second.json.usage };
  }

  /** What the template writes around the new message. */
  const FRAME = 16;
  const seeds = [1, 2, 3, 4, 5];

  test.each([undefined, 'talk'])(
    'the second turn does not depend on the length of the first (session: %s)',
    async (session) => {
      for (const length of lengths)
        for (const seed of seeds) {
          const { read, answer, usage } = await turns(length, seed, session);
          const own = session ? 1 : Math.max(NEW_TOKENS, tokens(answer));
          expect(read, `${length}, ${seed}: ${answer}`).toBeLessThanOrEqual(own + tokens(QUESTION) + FRAME);
          expect(usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens).toBeLessThanOrEqual(
            read + NEW_TOKENS,
          );
        }
    },
  );

  test('the answer is that of a server which reads all of it again', async () => {
    for (const seed of seeds) {
      const cached = await turns(20, seed, undefined);
      const anew = await turns(20, seed, undefined, 0);
      expect(anew.read).toBeGreaterThan(cached.read + 20);
      expect(cached.text).toBe(anew.text);
    }
  });
});
