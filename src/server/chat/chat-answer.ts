/** One answer of a conversation while it comes: its text, calls of functions in it, and log-probabilities. */
import { type AnswerPart, AnswerReader, type NumberedToolCall } from '../../chat/answer.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { AnswerStep } from '../requests/answers.ts';
import { type ChatLogprob, chatLogprob } from './chat-logprobs.ts';

/** What one step adds. */
export interface ChatPart extends AnswerPart {
  readonly logprobs: readonly ChatLogprob[];
}

export class ChatAnswer {
  readonly #tokenizer: Tokenizer;
  readonly #reader: AnswerReader;
  readonly #logged: boolean;

  constructor(tokenizer: Tokenizer, { tools, logprobs }: { readonly tools: boolean; readonly logprobs: boolean }) {
    this.#tokenizer = tokenizer;
    this.#reader = new AnswerReader(tokenizer, { tools });
    this.#logged = logprobs;
  }

  add(step: AnswerStep): ChatPart {
    const { id } = step;
    const logprobs = this.#logged && id !== undefined ? [chatLogprob(step, this.#tokenizer.piece(id))] : [];
    return { ...this.#reader.add(step), logprobs };
  }
}

export const toolCallBody = ({ id, name, arguments: given }: NumberedToolCall) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
});
