/**
 * A conversation with a model, turn by turn. Its state is kept between turns, so that a turn reads only what is new, also where the state is recurrent
 * and cannot be rewound; copies from before each turn make undo possible.
 */
import type { PromptOptions } from '../api/generation-call.ts';
import type { GenerationStep } from '../api/generation-options.ts';
import type { Model } from '../api/model.ts';
import { UsageError } from '../base/errors.ts';
import type { State } from '../runtime/state.ts';
import type { ChatMessage, ChatTemplate } from '../tokenizer/chat-template.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** What a state has read. */
interface Reading {
  readonly state: State;
  /** The prompt that was read last, from the beginning of the conversation. */
  readonly prompt: string;
  /** What the model wrote after it, with the token that ended it. */
  readonly answer: string;
}

interface Turn {
  /** Number of messages before it. */
  readonly messages: number;
  /** A copy of what was read before; undefined when nothing was, or when it is kept no more. */
  readonly before: Reading | undefined;
}

/** Copies that are kept for undo; older turns are read again. */
const MAX_COPIES = 16;

export class ChatSession {
  readonly #model: Model;
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  #messages: ChatMessage[] = [];
  #reading: Reading | undefined;
  #turns: Turn[] = [];
  #readTokens = 0;

  /** Throws UsageError when the model has no tokenizer. The model must not be disposed before. */
  constructor(model: Model, template: ChatTemplate, messages: readonly ChatMessage[] = []) {
    if (!model.tokenizer)
      throw new UsageError('this model has no tokenizer, so it cannot take part in a conversation.');
    this.#model = model;
    this.#tokenizer = model.tokenizer;
    this.#template = template;
    this.#messages = [...messages];
  }

  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** The state after the last answer; undefined before the first. It belongs to the session. */
  get state(): State | undefined {
    return this.#reading?.state;
  }

  /** Tokens of the prompt that the last turn read. */
  get readTokens(): number {
    return this.#readTokens;
  }

  /**
   * Adds a message of the user and generates the answer. After an abort, or when the loop is left, the conversation has the part of the answer that
   * came. When an error comes before the first token, it is as before. Throws UsageError when the template refuses the messages.
   */
  async *send(content: string, options: Omit<PromptOptions, 'state'> = {}): AsyncGenerator<GenerationStep> {
    const messages = [...this.#messages, { role: 'user', content }];
    const prompt = this.#template.render(messages, { addGenerationPrompt: true });
    const before = this.#reading && { ...this.#reading, state: await this.#reading.state.clone() };
    const rest = this.#restOf(prompt);
    if (rest === undefined) this.#forget();
    const state = this.#reading?.state ?? this.#model.newState();
    const more = rest ?? prompt;
    const ids = this.#tokenizer.encode(more, { addSpecialTokens: false, splitSpecialTokens: false });
    this.#readTokens = ids.length;
    const from = state.length + ids.length;
    let text = '';
    let begun = false;
    try {
      for await (const step of this.#model.generate(ids, { ...options, state })) {
        begun = true;
        text += step.text;
        yield step;
      }
    } finally {
      if (begun && state.intact && state.length >= from) {
        const answer = this.#tokenizer.decode(state.ids.slice(from), { skipSpecialTokens: false });
        this.#reading = { state, prompt, answer };
      } else {
        state.dispose();
        this.#reading = undefined;
      }
      if (begun) {
        this.#turns.push({ messages: this.#messages.length, before });
        this.#messages = [...messages, { role: 'assistant', content: text }];
        this.#dropCopies();
      } else this.#reading = before;
    }
  }

  /** Takes back the last turn: the message of the user and the answer. Returns the message; undefined when there is none. */
  undo(): string | undefined {
    const turn = this.#turns.pop();
    const last = turn?.messages ?? this.#messages.findLastIndex(({ role }) => role === 'user');
    if (last < 0 || last >= this.#messages.length) return undefined;
    this.#reading?.state.dispose();
    this.#reading = turn?.before;
    const content = this.#messages[last]?.content;
    this.#messages = this.#messages.slice(0, last);
    return typeof content === 'string' ? content : '';
  }

  /** The next turn reads the whole conversation, as under other interventions. */
  reset(): void {
    this.#forget();
    for (const { before } of this.#turns) before?.state.dispose();
    this.#turns = this.#turns.map(({ messages }) => ({ messages, before: undefined }));
  }

  /** Replaces the conversation. `state`: one that has read the beginning of it, which then belongs to the session. */
  restore(messages: readonly ChatMessage[], state?: State): void {
    this.reset();
    this.#turns = [];
    this.#messages = [...messages];
    if (!state) return;
    this.#reading = { state, prompt: this.#tokenizer.decode(state.ids, { skipSpecialTokens: false }), answer: '' };
  }

  dispose(): void {
    this.reset();
  }

  #forget(): void {
    this.#reading?.state.dispose();
    this.#reading = undefined;
  }

  #dropCopies(): void {
    const old = this.#turns.length - MAX_COPIES - 1;
    if (old < 0) return;
    this.#turns[old]?.before?.state.dispose();
    this.#turns[old] = { messages: this.#turns[old]?.messages ?? 0, before: undefined };
  }

  /** What a prompt has beyond what was read; undefined when it does not begin so. Templates may trim answers. */
  #restOf(prompt: string): string | undefined {
    if (!this.#reading?.state.intact) return undefined;
    const { prompt: read, answer } = this.#reading;
    if (!prompt.startsWith(read)) return undefined;
    const after = prompt.slice(read.length);
    if (after.startsWith(answer)) return after.slice(answer.length);
    const content = this.#messages.at(-1)?.content;
    if (typeof content !== 'string' || !answer.startsWith(content)) return undefined;
    const end = answer.slice(content.length);
    const shown = [content.trim(), content.trimStart(), content.trimEnd()].find((one) => after.startsWith(one + end));
    return shown === undefined ? undefined : after.slice(shown.length + end.length);
  }
}
