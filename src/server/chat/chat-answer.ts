/** One answer of a conversation while it comes: its text, calls of functions in it, and log-probabilities. */
import { type AnswerPart, AnswerReader, type NumberedToolCall } from '../../chat/answer.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { AnswerStep } from '../requests/answers.ts';
import { type ChatLogprob, chatLogprob } from './chat-logprobs.ts';

/** What one step adds. */
export interface ChatPart extends AnswerPart {
  readonly logprobs: readonly ChatLogprob[];
}

export interface ChatAnswerOptions {
  /** The answer may have calls of functions. */
  readonly tools: boolean;
  /** More than one. */
  readonly severalCalls: boolean;
  readonly logprobs: boolean;
}

export class ChatAnswer {
  readonly #tokenizer: Tokenizer;
  readonly #reader: AnswerReader;
  readonly #options: ChatAnswerOptions;

  constructor(tokenizer: Tokenizer, options: ChatAnswerOptions) {
    this.#tokenizer = tokenizer;
    this.#reader = new AnswerReader(tokenizer, options);
    this.#options = options;
  }

  add(step: AnswerStep): ChatPart {
    const { id } = step;
    const { logprobs: logged, severalCalls } = this.#options;
    const logprobs = logged && id !== undefined ? [chatLogprob(step, this.#tokenizer.piece(id))] : [];
    const part = this.#reader.add(step);
    return { ...part, toolCalls: severalCalls ? part.toolCalls : part.toolCalls.slice(0, 1), logprobs };
  }
}

export const toolCallBody = ({ id, name, arguments: given }: NumberedToolCall) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
});
