/** Reads the chat template of a checkpoint, in the order of transformers: chat_template.jinja, chat_template.json, tokenizer_config.json. */
import { CheckpointError } from '../base/errors.ts';
import { type Folder, readJson, readText } from '../checkpoint/source.ts';
import { type ChatTemplate, createChatTemplate } from '../tokenizer/chat-template.ts';
import { MAX_CONFIG_BYTES } from './open.ts';

/** Undefined when there is none. Throws CheckpointError when one of the files is damaged, UsageError when the template is no Jinja. */
export async function openChatTemplate(folder: Folder): Promise<ChatTemplate | undefined> {
  const json = (file: string) => readJson(folder, file, MAX_CONFIG_BYTES);
  const config = (await json('tokenizer_config.json')) ?? {};
  const source =
    (await readText(folder, 'chat_template.jinja', MAX_CONFIG_BYTES)) ??
    templateIn((await json('chat_template.json'))?.chat_template) ??
    templateIn(config.chat_template);
  if (source === undefined) return undefined;
  const names = { ...(await json('special_tokens_map.json')), ...config };
  return createChatTemplate(source, specialTokensOf(names));
}

/** A template, or a list of named ones, of which the one called default is used. */
function templateIn(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  const named = Array.isArray(value) ? value.find((entry) => entry?.name === 'default')?.template : undefined;
  if (typeof named === 'string') return named;
  throw new CheckpointError('chat_template is neither a text nor a list of templates with one that is named default.');
}

/** Texts of keys such as bos_token. */
function specialTokensOf(names: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(names).flatMap(([key, value]) => {
    const text = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    return key.endsWith('_token') && typeof text === 'string' ? [[key, text] as const] : [];
  });
  return Object.fromEntries(texts);
}
