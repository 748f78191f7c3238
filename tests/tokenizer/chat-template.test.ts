/** Chat templates write the texts of transformers, and the answers in them are found: tests/fixtures/chats.json, made by tools/reference/make_chats.py. */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { memoryFolder } from '../../src/checkpoint/folder-memory.ts';
import { localFolder } from '../../src/checkpoint/folder-node.ts';
import { documentEncoder } from '../../src/data/encode.ts';
import { openChatTemplate } from '../../src/loader/chat-template.ts';
import { openTokenizer } from '../../src/loader/open.ts';
import { type ChatMessage, createChatTemplate } from '../../src/tokenizer/chat-template.ts';
import type { Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { readJson } from './vectors.ts';

interface Case {
  readonly tokenizer: string;
  readonly template: string;
  readonly messages: ChatMessage[];
  readonly text: string;
  readonly prompt: string;
  readonly ids: number[];
  readonly mask: number[];
}

const root = new URL('../../', import.meta.url);
const { templates, cases }: { templates: Record<string, { tagged: string; untagged: string }>; cases: Case[] } =
  readJson(new URL('tests/fixtures/chats.json', root));
const ENDS = { ends: '{eos}', addSpecialTokens: true, splitSpecialTokens: false };

async function open(path: string) {
  const folder = localFolder(fileURLToPath(new URL(path, root)));
  const { bos_token = '', eos_token = '' } = readJson(new URL(`${path}/tokenizer_config.json`, root));
  return { tokenizer: (await openTokenizer(folder)) as Tokenizer, names: { bos_token, eos_token } };
}

describe.each([...new Set(cases.map(({ tokenizer }) => tokenizer))])('%s', async (path) => {
  const { tokenizer, names } = await open(path);
  const own = cases.filter((one) => one.tokenizer === path);

  test.each(['tagged', 'untagged'] as const)('texts, ids and masks of transformers, template %s', async (kind) => {
    for (const { template, messages, text, prompt, ids, mask } of own) {
      const chat = await createChatTemplate((templates[template] as { tagged: string; untagged: string })[kind], names);
      expect(chat.render(messages)).toBe(text);
      expect(chat.render(messages, { addGenerationPrompt: true })).toBe(prompt);
      const encoded = documentEncoder(tokenizer, chat, ENDS)({ kind: 'chat', messages });
      expect(encoded.ids, `${template} ${text}`).toEqual(ids);
      expect([...(encoded.mask ?? [])], `${template} ${JSON.stringify(text)}`).toEqual(mask);
    }
  });
});

describe('a chat template', () => {
  const file = (text: string) => new TextEncoder().encode(text);
  const messages = [{ role: 'user', content: 'hi' }];
  const from = async (files: Record<string, Uint8Array>) =>
    (await openChatTemplate(memoryFolder(new Map(Object.entries(files)))))?.render(messages);

  test('is looked for as in transformers, and knows the special tokens', async () => {
    const config = (chat_template: unknown) => file(JSON.stringify({ eos_token: { content: '</s>' }, chat_template }));
    const named = [
      { name: 'tool_use', template: 'no' },
      { name: 'default', template: 'list{{ eos_token }}' },
    ];
    expect(await from({})).toBeUndefined();
    expect(await from({ 'tokenizer_config.json': config('own{{ eos_token }}') })).toBe('own</s>');
    expect(await from({ 'tokenizer_config.json': config(named) })).toBe('list</s>');
    const json = file(JSON.stringify({ chat_template: 'json{{ eos_token }}' }));
    expect(await from({ 'tokenizer_config.json': config('own'), 'chat_template.json': json })).toBe('json</s>');
    const all = {
      'tokenizer_config.json': config('own'),
      'chat_template.json': json,
      'chat_template.jinja': file('file'),
    };
    expect(await from(all)).toBe('file');
    await expect(from({ 'tokenizer_config.json': config([{ name: 'rag' }]) })).rejects.toThrow(
      /list of templates with names/,
    );
  });

  test('that is no Jinja, or refuses the messages, is an error that says so', async () => {
    await expect(createChatTemplate('{% if %}')).rejects.toThrow(/chat template cannot be read/);
    const chat = await createChatTemplate("{{ raise_exception('roles must alternate') }}");
    expect(() => chat.render(messages)).toThrow(/refuses these messages: .*roles must alternate/);
  });

  test('that changes what it wrote before, so that answers are not found, is an error', async () => {
    const chat = await createChatTemplate('{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}');
    expect(() => chat.renderAnswers([...messages, { role: 'assistant', content: 'yes' }])).toThrow(
      /the answer "yes" cannot be found.*\{% generation %\}/,
    );
  });
});
