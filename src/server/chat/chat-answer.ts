/** One answer of a conversation while it comes: its text, calls of functions in it, and log-probabilities. */
import { type ToolCall, ToolCallStream, textWithMarkers } from '../../chat/tool-calls.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import type { AnswerStep } from '../requests/answers.ts';
import { type ChatLogprob, chatLogprob } from './chat-logprobs.ts';

/** What one step adds. */
export interface ChatPart {
  readonly content: string;
  readonly toolCalls: readonly (ToolCall & { readonly id: string })[];
  readonly logprobs: readonly ChatLogprob[];
  readonly finishReason: string | undefined;
}

export class ChatAnswer {
  readonly #tokenizer: Tokenizer;
  readonly #calls: ToolCallStream | undefined;
  readonly #logged: boolean;

  constructor(tokenizer: Tokenizer, { tools, logprobs }: { readonly tools: boolean; readonly logprobs: boolean }) {
    this.#tokenizer = tokenizer;
    this.#calls = tools ? new ToolCallStream() : undefined;
    this.#logged = logprobs;
  }

  add(step: AnswerStep): ChatPart {
    const { id, text, finishReason } = step;
    const logprobs = this.#logged && id !== undefined ? [chatLogprob(step, this.#tokenizer.piece(id))] : [];
    if (!this.#calls) return { content: text, toolCalls: [], logprobs, finishReason };
    const content = this.#calls.push(text + this.#marker(id));
    if (finishReason === undefined) return { content, toolCalls: [], logprobs, finishReason };
    const rest = this.#calls.end();
    const toolCalls = rest.toolCalls.map((call) => ({
      ...call,
      id: `call_${crypto.randomUUID().replaceAll('-', '')}`,
    }));
    const reason = toolCalls.length > 0 && finishReason === 'stop' ? 'tool_calls' : finishReason;
    return { content: content + rest.content, toolCalls, logprobs, finishReason: reason };
  }

  /** Where the vocabulary has the mark of a call as a special token, the text of a step lacks it. */
  #marker(id: number | undefined): string {
    return id !== undefined && this.#tokenizer.specialIds.has(id) ? textWithMarkers(this.#tokenizer, [id]) : '';
  }
}

export const toolCallBody = ({ id, name, arguments: given }: ToolCall & { readonly id: string }) => ({
  id,
  type: 'function',
  function: { name, arguments: given },
});
