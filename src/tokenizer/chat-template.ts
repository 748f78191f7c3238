/**
 * Chat templates: what a conversation looks like as text. The same text as apply_chat_template of transformers (utils/chat_template_utils.py), with
 * the Jinja of Hugging Face for JavaScript. Also finds the answers in this text, which are what a model is trained on.
 */
import { quote, UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';

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
  /**
   * Ends the text after the content of the last message, without what the template writes behind it, so that the model goes on with this
   * message.
   */
  readonly continueFinalMessage?: boolean | undefined;
  /** Descriptions of functions, for templates that read them. */
  readonly tools?: unknown;
  /** Texts that answers are to be based on, for templates that read them. */
  readonly documents?: unknown;
  /** Name of the template, where a tokenizer has several. Default: tool_use when there are tools and it exists, else default. */
  readonly template?: string | undefined;
  /** Further variables that the template reads, such as { thinking: true }. */
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
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
  /** The source, which identifies the template; of several, JSON with their names. */
  readonly source: string;
  /** Throws UsageError when the template refuses the messages. */
  render(messages: readonly ChatMessage[], options?: RenderOptions): string;
  /** Throws UsageError also where the answers cannot be found in the text. */
  renderAnswers(
    messages: readonly ChatMessage[],
    options?: Omit<RenderOptions, 'addGenerationPrompt' | 'continueFinalMessage'>,
  ): ChatText;
}

/** Characters of the private use area, which stand for the beginning and the end of an answer. */
const BEGIN = '\uE0F0';
const END = '\uE0F1';

/** Sources of templates by their names; one must be called default, unless each call names the one to use. */
export type NamedTemplates = Readonly<Record<string, string>>;

const DEFAULT = 'default';
const WITH_TOOLS = 'tool_use';

/**
 * Makes a template of its source, or of several that have names. `specialTokens`: names that it may use, such as { bos_token: '<s>' }. Throws
 * UsageError when a source is no Jinja.
 */
export async function createChatTemplate(
  source: string | NamedTemplates,
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
  const sources = typeof source === 'string' ? { [DEFAULT]: source } : source;
  const templates = new Map(
    Object.entries(sources).map(([name, text]) => {
      const marked = hasGenerationTags(text) ? parse(withMarks(text)) : undefined;
      return [name, { plain: parse(text), marked }] as const;
    }),
  );
  const chosen = ({ template, tools }: RenderOptions) =>
    templates.get(chosenName([...templates.keys()], template, tools))!;
  const write = (
    template: InstanceType<typeof Template>,
    messages: readonly ChatMessage[],
    options: RenderOptions,
  ): string => {
    const { addGenerationPrompt = false, tools = null, documents = null, variables } = options;
    try {
      return template.render({
        ...specialTokens,
        ...variables,
        messages,
        tools,
        documents,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (error) {
      throw new UsageError(`the chat template refuses these messages: ${(error as Error).message}`, { cause: error });
    }
  };
  const render = (messages: readonly ChatMessage[], options: RenderOptions = {}) => {
    const text = (list: readonly ChatMessage[]) => write(chosen(options).plain, list, options);
    return options.continueFinalMessage ? untilFinalContent(text, messages, options) : text(messages);
  };
  return {
    source: typeof source === 'string' ? source : JSON.stringify(source),
    render,
    renderAnswers: (messages, options = {}) => {
      const { marked } = chosen(options);
      return marked ? unmarked(write(marked, messages, options)) : answersByPrefix(render, messages, options);
    },
  };
}

/** As get_chat_template of transformers (tokenization_utils_base.py). */
function chosenName(names: readonly string[], asked: string | undefined, tools: unknown): string {
  if (asked !== undefined) {
    if (names.includes(asked)) return asked;
    const meant = nearest(asked, names);
    const hint = meant === undefined ? '' : `; did you mean '${meant}'?`;
    throw new UsageError(
      `there is no chat template named '${asked}'${hint || '.'} The model has: ${names.join(', ')}.`,
    );
  }
  if (tools !== undefined && tools !== null && names.includes(WITH_TOOLS)) return WITH_TOOLS;
  if (names.includes(DEFAULT)) return DEFAULT;
  throw new UsageError(
    `this model has several chat templates, and none is named ${DEFAULT}: give the name of one of them (${names.join(', ')}) as \`template\`.`,
  );
}

/** The text up to the end of the last message's content, as with continue_final_message of transformers. */
function untilFinalContent(
  render: (messages: readonly ChatMessage[]) => string,
  messages: readonly ChatMessage[],
  { addGenerationPrompt }: RenderOptions,
): string {
  const last = messages.at(-1);
  if (addGenerationPrompt)
    throw new UsageError('the last message cannot be continued when a new answer begins: give one of the two.');
  if (typeof last?.content !== 'string')
    throw new UsageError(
      `the last message cannot be continued: its content is ${quote(last?.content)}, wanted a text.`,
    );
  // The space shows whether the template keeps white space at the end of a content.
  const text = render([...messages.slice(0, -1), { ...last, content: `${last.content}${END} ` }]);
  const at = text.lastIndexOf(END);
  if (at < 0 || !text.includes(last.content.trim()))
    throw new UsageError(
      'the last message cannot be continued: the chat template does not write its content as it is.',
    );
  return text[at + 1] === ' ' ? text.slice(0, at) : text.slice(0, at).trimEnd();
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
