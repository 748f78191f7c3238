/** Tools, documents, named templates and messages to go on with: the texts and ids of transformers (tools/reference/make_chat_tools.py). */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { renderChat } from '../../src/api/messages.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { openTokenizer } from '../../src/loader/open.ts';
import { type ChatMessage, createChatTemplate, type NamedTemplates } from '../../src/tokenizer/chat-template.ts';
import { readJson } from './vectors.ts';

interface Case {
  readonly template: string | NamedTemplates;
  readonly messages: ChatMessage[];
  readonly options: Record<string, unknown>;
  readonly end: boolean;
  readonly text: string;
  readonly ids: number[];
}

const root = new URL('../../', import.meta.url);
const { tokenizer: path, cases }: { tokenizer: string; cases: Case[] } = readJson(
  new URL('tests/fixtures/chat-tools.json', root),
);
const tokenizer = await openTokenizer(localFolder(fileURLToPath(new URL(path, root))));
const { eos_token = '' } = readJson(new URL(`${path}/tokenizer_config.json`, root));

describe('messages', () => {
  test.each(cases.map((one, i) => ({ ...one, name: `${i}: ${Object.keys(one.options)} ${one.end}` })))(
    'have the text and the ids of transformers, case $name',
    async ({ template, messages, options, end, text, ids }) => {
      const { tools, documents, chat_template, continue_final_message, ...variables } = options;
      const own = await createChatTemplate(template, { eos_token });
      const chat = {
        messages,
        addGenerationPrompt: end,
        ...(tools ? { tools: tools as unknown[] } : {}),
        ...(documents ? { documents: documents as unknown[] } : {}),
        ...(chat_template ? { template: chat_template as string } : {}),
        ...(continue_final_message ? { continueFinalMessage: true } : {}),
        variables,
      };
      const rendered = await renderChat({ tokenizer, chatTemplate: async () => own }, chat);
      expect(rendered.text).toBe(text);
      expect(rendered.ids).toEqual(ids);
    },
  );

  const plain = (template: string | NamedTemplates) => ({
    tokenizer,
    chatTemplate: () => createChatTemplate(template),
  });
  const messages = [{ role: 'user', content: 'Hello' }];

  test.each([
    [{ messages: 'Hello' }, /messages came as "Hello", wanted a list such as/],
    [{ messages: [] }, /empty list/],
    [{ messages: [{ content: 'x' }] }, /messages\[0\] came as .* wanted an object with a role/],
    [{ messages, tools: {} }, /tools came as \{\}, wanted a list of descriptions/],
    [{ messages, add_generation_prompt: true }, /no option 'add_generation_prompt'.*addGenerationPrompt/],
    [{ messages, template: 'othr' }, /no chat template named 'othr'; did you mean 'other'\?/],
    [{ messages }, /several chat templates, and none is named default.*rag, other/],
    [
      { messages: [{ role: 'assistant', content: null }], template: 'rag', continueFinalMessage: true },
      /content is null, wanted a text/,
    ],
    [{ messages, template: 'other', continueFinalMessage: true }, /does not write its content/],
  ])('that are wrong are errors that say how: %j', async (chat, message) => {
    const several = plain({ rag: '{{ messages[0].content }}', other: 'x' });
    await expect(renderChat(several, chat as never)).rejects.toThrow(message);
  });

  test('of a model without a template are an error that says what to do', async () => {
    const none = { tokenizer, chatTemplate: async () => undefined };
    await expect(renderChat(none, { messages })).rejects.toThrow(
      /no chat template.*base models only continue texts.*chat_template\.jinja.*--chat-template/,
    );
    const own = await createChatTemplate('{{ messages[0].content }}!');
    expect((await renderChat(none, { messages, template: own })).text).toBe('Hello!');
  });
});
