/** Reads the chat template of a checkpoint, in the order of transformers: chat_template.jinja, chat_template.json, tokenizer_config.json. */
import { CheckpointError } from '../base/errors.ts';
import { type Folder, readJson, readText } from '../checkpoint/source.ts';
import { type ChatTemplate, createChatTemplate, type NamedTemplates } from '../tokenizer/chat-template.ts';

/** Templates, and configs of tokenizers that list thousands of tokens. */
const MAX_BYTES = 16 << 20;

/**
 * Undefined when there is none. `source`: a template to use in place of the checkpoint's own, which may use its special tokens. Throws
 * CheckpointError when one of the files is damaged, UsageError when the template is no Jinja.
 */
export async function openChatTemplate(folder: Folder, source?: string): Promise<ChatTemplate | undefined> {
  const json = (file: string) => readJson(folder, file, MAX_BYTES);
  const config = (await json('tokenizer_config.json')) ?? {};
  const found =
    source ??
    (await readText(folder, 'chat_template.jinja', MAX_BYTES)) ??
    templatesIn((await json('chat_template.json'))?.chat_template) ??
    templatesIn(config.chat_template);
  if (found === undefined) return undefined;
  const names = { ...(await json('special_tokens_map.json')), ...config };
  return createChatTemplate(found, specialTokensOf(names));
}

/** A template, or a list of named ones; of a single one called default, its text. */
function templatesIn(value: unknown): string | NamedTemplates | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length === 0 || !value.every(isNamed))
    throw new CheckpointError('chat_template is neither a text nor a list of templates with names.');
  const named = Object.fromEntries(value.map(({ name, template }) => [name, template]));
  const [only, ...others] = Object.keys(named);
  return only === 'default' && others.length === 0 ? named[only] : named;
}

const isNamed = (entry: unknown): entry is { readonly name: string; readonly template: string } =>
  typeof entry === 'object' &&
  entry !== null &&
  'name' in entry &&
  typeof entry.name === 'string' &&
  'template' in entry &&
  typeof entry.template === 'string';

/** Texts of keys such as bos_token. */
function specialTokensOf(names: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(names).flatMap(([key, value]) => {
    const text = typeof value === 'object' && value !== null && 'content' in value ? value.content : value;
    return key.endsWith('_token') && typeof text === 'string' ? [[key, text] as const] : [];
  });
  return Object.fromEntries(texts);
}
