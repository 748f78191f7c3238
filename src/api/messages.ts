/** Conversations as prompts: messages -> text by the chat template of the tokenizer -> ids, as apply_chat_template of transformers makes them. */
import { quote, UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkOptions } from '../options/check.ts';
import { jsonObject, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import type { ChatMessage, ChatTemplate } from '../tokenizer/chat-template.ts';
import type { Prompt, Prompts } from './prompt.ts';

export const CHAT_OPTIONS = {
  /** Descriptions of functions, for templates that read them: a list as in requests to OpenAI's API, or whatever the template reads. */
  tools: ownKind<readonly unknown[]>('a list of descriptions of functions', Array.isArray),
  /** Ends the text where the answer of the assistant begins. Default: true to generate, false for a score. */
  addGenerationPrompt: option(kinds.flag, 'end where the answer of the assistant begins'),
  /** The model goes on with the last message: what the template writes behind its content is left out. */
  continueFinalMessage: option(kinds.flag, 'go on with the last message', false),
  /** Texts that answers are to be based on, for templates that read them. */
  documents: ownKind<readonly unknown[]>('a list of documents', Array.isArray),
  /** A template in place of the model's own (`createChatTemplate`), or the name of one where the model has several. */
  template: ownKind<string | ChatTemplate>(
    'the name of a template, or a ChatTemplate',
    (value) => typeof value === 'string' || (typeof value === 'object' && value !== null && 'render' in value),
  ),
  /** Further variables that the template reads, such as { thinking: true }. */
  variables: jsonObject<Readonly<Record<string, unknown>>>(),
};

export interface ChatOptions extends OptionsOf<typeof CHAT_OPTIONS> {}

/** A conversation in place of a prompt. */
export interface ChatPrompt extends ChatOptions {
  readonly messages: readonly ChatMessage[];
}

export type PromptOrChat = Prompt | ChatPrompt;

export type PromptsOrChats = Prompts | ChatPrompt | readonly PromptOrChat[];

/** A conversation as the model reads it. */
export interface RenderedChat {
  readonly text: string;
  readonly ids: readonly number[];
}

/**
 * The prompt that the template of a model makes of messages. Throws UsageError when the model has no template or tokenizer, when an option is
 * wrong, and when the template refuses the messages. Names of special tokens in contents become these tokens, as in transformers.
 */
export async function renderChat(
  opened: Pick<OpenedModel, 'tokenizer' | 'chatTemplate'>,
  { messages, ...options }: ChatPrompt,
): Promise<RenderedChat> {
  const { template, ...rest } = checkOptions('messages', options, CHAT_OPTIONS);
  checkMessages(messages);
  if (!opened.tokenizer)
    throw new UsageError(
      'this checkpoint has no tokenizer, so messages cannot be written as a prompt: give token ids.',
    );
  const chat = typeof template === 'object' ? template : await templateOf(opened);
  const named = typeof template === 'string' ? { template } : {};
  const addGenerationPrompt = rest.addGenerationPrompt && !rest.continueFinalMessage;
  const text = chat.render(messages, { ...rest, addGenerationPrompt, ...named });
  // Templates write all special tokens themselves.
  const ids = opened.tokenizer.encode(text, { addSpecialTokens: false, splitSpecialTokens: false });
  return { text, ids };
}

/** The template of a model. Throws UsageError that says what to do when there is none. */
export async function templateOf(opened: Pick<OpenedModel, 'chatTemplate'>): Promise<ChatTemplate> {
  const template = await opened.chatTemplate();
  if (template) return template;
  throw new UsageError(
    'this model has no chat template, so messages cannot be written as its prompt: base models only continue texts. Give the conversation as ' +
      'one text, use an instruct model, or choose a template: put it beside tokenizer.json as chat_template.jinja, or give it (--chat-template ' +
      'FILE on the command line, `template` in the library).',
  );
}

/** Prompts whose conversations are ids. `addGenerationPrompt`: what holds where a conversation does not say. */
export async function promptsOf(
  opened: OpenedModel,
  prompts: PromptsOrChats,
  addGenerationPrompt: boolean,
): Promise<Prompts> {
  if (isChat(prompts)) return promptOf(opened, prompts, addGenerationPrompt);
  if (!Array.isArray(prompts) || !prompts.some(isChat)) return prompts as Prompts;
  return Promise.all(prompts.map((one) => promptOf(opened, one as PromptOrChat, addGenerationPrompt)));
}

/** As promptsOf, for one. */
export async function promptOf(
  opened: OpenedModel,
  prompt: PromptOrChat,
  addGenerationPrompt: boolean,
): Promise<Prompt> {
  if (!isChat(prompt)) return prompt;
  return (
    await renderChat(opened, { ...prompt, addGenerationPrompt: prompt.addGenerationPrompt ?? addGenerationPrompt })
  ).ids;
}

const isChat = (prompt: unknown): prompt is ChatPrompt =>
  typeof prompt === 'object' && prompt !== null && 'messages' in prompt;

/** Throws UsageError unless it is a list of messages. What else they need is known to the template. */
export function checkMessages(messages: unknown): asserts messages is readonly ChatMessage[] {
  const wanted = "wanted a list such as [{ role: 'user', content: 'Hello' }]";
  if (!Array.isArray(messages)) throw new UsageError(`messages came as ${quote(messages)}, ${wanted}.`);
  if (messages.length === 0) throw new UsageError(`messages came as an empty list, ${wanted}.`);
  messages.forEach((message: unknown, i) => {
    if (typeof message !== 'object' || message === null || !('role' in message) || typeof message.role !== 'string')
      throw new UsageError(`messages[${i}] came as ${quote(message)}, wanted an object with a role, a text.`);
  });
}
