/** `--messages FILE` and `--chat-template FILE`: conversations as prompts, written by the template of the model or by another. */
import type { Command } from 'commander';
import {
  type ChatMessage,
  type ChatPrompt,
  type ChatTemplate,
  checkMessages,
  type OpenedModel,
  openChatTemplate,
  renderChat,
  templateOf,
  UsageError,
} from '../src/node.ts';
import { textFile } from './options.ts';

export interface TemplateFlags {
  /** The source of a template. */
  readonly chatTemplate?: string;
}

export interface MessageFlags extends TemplateFlags {
  /** The text of the file. */
  readonly messages?: string;
}

export const templateOption = (command: Command): Command =>
  command.option(
    '--chat-template <file>',
    "a Jinja template in place of the model's own, which its tokenizer_config.json or chat_template.jinja has",
    textFile,
  );

export const messagesOption = (command: Command): Command =>
  templateOption(
    command.option(
      '--messages <file>',
      'a conversation in place of a prompt, written by the chat template of the model: JSON, a list of { role, content }, or { messages, tools }; - is standard input',
      textFile,
    ),
  );

/** The conversation of a file's text. Throws UsageError when it is none. */
export function conversationOf(text: string): {
  readonly messages: readonly ChatMessage[];
  readonly tools?: unknown[];
} {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the file of --messages is no JSON: ${(error as Error).message}.`);
  }
  const { messages, tools, ...rest } = (Array.isArray(json) ? { messages: json } : Object(json)) as Record<
    string,
    unknown
  >;
  const [other] = Object.keys(rest);
  if (other !== undefined)
    throw new UsageError(
      `the file of --messages has a key '${other}', wanted a list of messages, or { messages, tools }.`,
    );
  checkMessages(messages);
  if (tools !== undefined && !Array.isArray(tools))
    throw new UsageError('the file of --messages has tools that are no list of descriptions of functions.');
  return { messages, ...(tools ? { tools } : {}) };
}

/** The template that was given, or the model's own. Throws UsageError when there is neither. */
export async function chosenTemplate(opened: OpenedModel, { chatTemplate }: TemplateFlags): Promise<ChatTemplate> {
  if (chatTemplate === undefined) return templateOf(opened);
  const folder = opened.tokenizerFolder ?? opened.checkpoint.folder;
  return (await openChatTemplate(folder, chatTemplate)) as ChatTemplate;
}

/** The ids of a conversation, up to where an answer begins, or to the end of the last message if that is one of the assistant. */
export async function idsOfMessages(
  opened: OpenedModel,
  conversation: ChatPrompt,
  flags: TemplateFlags,
): Promise<readonly number[]> {
  const template = await chosenTemplate(opened, flags);
  const continues = conversation.messages.at(-1)?.role === 'assistant';
  const ends = continues ? { continueFinalMessage: true } : { addGenerationPrompt: true };
  return (await renderChat(opened, { ...conversation, ...ends, template })).ids;
}
