/**
 * Chat templates: what a conversation looks like as text. The same text as apply_chat_template of transformers (utils/chat_template_utils.py), with
 * the Jinja of Hugging Face for JavaScript. Also finds the answers in this text, which are what a model is trained on.
 */
import { quote, UsageError } from '../base/errors.ts';

export interface ChatMessage {
  /** Such as system, user, assistant. */
  readonly role: string;
  readonly content?: unknown;
  /** Whatever else the template reads, such as tool_calls. */
  readonly [key: string]: unknown;
}

export interface RenderOptions {
  /** Ends the text where the answer of the assistant begins. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Descriptions of functions, for templates that read them. */
  readonly tools?: unknown;
}

/** A part of a text: characters from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface ChatText {
  readonly text: string;
  /** Where the answers are: what the assistant would write, with the token that ends it. In order. */
  readonly answers: readonly Span[];
}

export interface ChatTemplate {
  /** The source, which names the template. */
  readonly source: string;
  /** Throws UsageError when the template refuses the messages. */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
  /** Throws UsageError also where the answers cannot be found in the text. */
  renderAnswers(messages: readonly ChatMessage[], options?: Pick<RenderOptions, 'tools'>): ChatText;
}

/** Characters of the private use area, which stand for the beginning and the end of an answer. */
const BEGIN = '\uE0F0';
const END = '\uE0F1';

/**
 * Makes a template of its source. `specialTokens`: names that it may use, such as { bos_token: '<s>' }. Throws UsageError when the source is no Jinja.
 */
export async function createChatTemplate(
  source: string,
  specialTokens: Readonly<Record<string, string>> = {},
): Promise<ChatTemplate> {
  const { Template } = await import('@huggingface/jinja');
  const parse = (text: string) => {
    try {
      return new Template(text);
    } catch (error) {
      throw new UsageError(`the chat template cannot be read: ${(error as Error).message}.`, { cause: error });
    }
  };
  const plain = parse(source);
  const marked = hasGenerationTags(source) ? parse(withMarks(source)) : undefined;
  const write = (template: typeof plain, messages: readonly ChatMessage[], options: RenderOptions): string => {
    const { addGenerationPrompt = false, tools = null } = options;
    try {
      return template.render({
        ...specialTokens,
        messages,
        tools,
        documents: null,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      throw new UsageError(`the chat template refuses these messages: ${(error as Error).message}`, { cause: error });
    }
  };
  const render = (messages: readonly ChatMessage[], options: RenderOptions = {}) => write(plain, messages, options);
  return {
    source,
    render,
    renderAnswers: (messages, options = {}) =>
      marked ? unmarked(write(marked, messages, options)) : answersByPrefix(render, messages, options),
  };
}

/** transformers marks answers by the tags generation and endgeneration, where a template has them. */
const TAG = /\{%(-?)\s*(end)?generation\s*(-?)%\}/g;

const hasGenerationTags = (source: string): boolean => source.search(TAG) >= 0;

/** Puts a mark in the place of each tag, within a block of its own, so that line ends around it are treated as around the tag. */
const withMarks = (source: string): string =>
  source.replace(
    TAG,
    (_, before: string, end: string | undefined, after: string) =>
      `{%${before} if true %}{{ '${end ? END : BEGIN}' }}{% endif ${after}%}`,
  );

function unmarked(text: string): ChatText {
  const answers: Span[] = [];
  let plain = '';
  let start = 0;
  for (const part of text.split(new RegExp(`(${BEGIN}|${END})`))) {
    if (part === BEGIN) start = plain.length;
    else if (part === END) answers.push({ start, end: plain.length });
    else plain += part;
  }
  return { text: plain, answers };
}

type Render = (messages: readonly ChatMessage[], options?: RenderOptions) => string;

/** An answer is what its message adds to the text of the messages before it that ends where the assistant is to begin. */
function answersByPrefix(render: Render, messages: readonly ChatMessage[], options: RenderOptions): ChatText {
  const text = render(messages, options);
  const answers: Span[] = [];
  messages.forEach(({ role }, i) => {
    if (role !== 'assistant') return;
    const before = render(messages.slice(0, i), { ...options, addGenerationPrompt: true });
    const after = render(messages.slice(0, i + 1), options);
    if (!after.startsWith(before) || !text.startsWith(after))
      throw new UsageError(
        `the answer ${quote(messages[i]?.content, 40)} cannot be found in what the chat template writes, which writes earlier messages in another ` +
          'way when later ones follow. Mark the answers in the template: {% generation %} ... {% endgeneration %}.',
      );
    answers.push({ start: before.length, end: after.length });
  });
  return { text, answers };
}
