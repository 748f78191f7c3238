/** Conversations turn by turn: the state is kept, and changes no answer. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ChatSession, type ChatTemplate, createChatTemplate, fromPretrained, type Model } from '../../src/node.ts';

const PLAIN =
  "{% for m in messages %}{{ m.role + ': ' + m.content + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
const TRIMMED = PLAIN.replace('m.content', '(m.content | trim)');

let models: Model[];
let templates: ChatTemplate[];
beforeAll(async () => {
  models = [];
  for (const name of ['mamba-tiny', 'granite-tiny']) models.push(await fromPretrained(name, { threads: 1 }));
  templates = [await createChatTemplate(PLAIN), await createChatTemplate(TRIMMED)];
});
afterAll(async () => {
  for (const model of models) await model.dispose();
});

async function answer(session: ChatSession, message: string, maxNewTokens = 6): Promise<string> {
  let text = '';
  for await (const step of session.send(message, { maxNewTokens })) text += step.text;
  return text;
}

describe.each([0, 1])('a session, model %i', (index) => {
  test.each([0, 1])('reads only what is new in each turn, template %i', async (which) => {
    const session = new ChatSession(models[index] as Model, templates[which] as ChatTemplate);
    const long = 'There was a king who had a very long story to tell. '.repeat(8);
    await answer(session, long);
    const first = session.readTokens;
    await answer(session, 'And then?');
    expect(first).toBeGreaterThan(60);
    expect(session.readTokens).toBeLessThan(20);
    expect(session.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    session.dispose();
  });

  test('the second answer is that of the whole text', async () => {
    const model = models[index] as Model;
    const session = new ChatSession(model, templates[0] as ChatTemplate, [{ role: 'system', content: 'Be brief.' }]);
    await answer(session, 'Hello');
    const before = session.state?.length ?? 0; // the list of ids grows
    const second = await answer(session, 'Who are you?');
    const ids = session.state?.ids.slice(0, before + session.readTokens) ?? [];
    expect(second).toBe((await model.complete(ids, { maxNewTokens: 6 })).text);
    session.dispose();
  });

  test('undo gives back what was before, and the same answer comes again', async () => {
    const session = new ChatSession(models[index] as Model, templates[0] as ChatTemplate);
    await answer(session, 'Hello');
    const one = await answer(session, 'Who?');
    expect(session.undo()).toBe('Who?');
    expect(session.messages.length).toBe(2);
    expect(await answer(session, 'Who?')).toBe(one);
    expect(session.readTokens).toBeLessThan(15);
    session.undo();
    session.undo();
    expect([session.undo(), session.messages.length, session.state]).toEqual([undefined, 0, undefined]);
  });

  test('an abort keeps what came; an error before the first token changes nothing', async () => {
    const session = new ChatSession(models[index] as Model, templates[0] as ChatTemplate);
    for await (const { text } of session.send('Hello', { maxNewTokens: 50 })) if (text.length > 0) break;
    expect(session.messages.length).toBe(2);
    const bad = async () => {
      for await (const _ of session.send('x', { temperature: -1 }));
    };
    await expect(bad()).rejects.toThrow(/temperature/);
    expect(session.messages.length).toBe(2);
    await answer(session, 'Go on');
    expect(session.messages.length).toBe(4);
    session.dispose();
  });
});
