/** An answer of a conversation while it comes: its text, and the calls of functions in it. */
import type { FinishReason, GenerationStep } from '../api/generation-options.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type ToolCall, ToolCallStream, textWithMarkers } from './tool-calls.ts';

export interface NumberedToolCall extends ToolCall {
  /** Differs from that of every other call. */
  readonly id: string;
}

/** What one step adds. */
export interface AnswerPart {
  readonly content: string;
  /** All of them come with the last step. */
  readonly toolCalls: readonly NumberedToolCall[];
  /** In the last step. `tool_calls`: the answer ended with calls. */
  readonly finishReason: FinishReason | 'tool_calls' | undefined;
}

export class AnswerReader {
  readonly #tokenizer: Tokenizer;
  readonly #calls: ToolCallStream | undefined;

  /** `tools`: the answer may have calls of functions. Otherwise everything is text. */
  constructor(tokenizer: Tokenizer, { tools }: { readonly tools: boolean }) {
    this.#tokenizer = tokenizer;
    this.#calls = tools ? new ToolCallStream() : undefined;
  }

  add({ id, text, finishReason }: Pick<GenerationStep, 'id' | 'text' | 'finishReason'>): AnswerPart {
    if (!this.#calls) return { content: text, toolCalls: [], finishReason };
    const content = this.#calls.push(text + this.#marker(id));
    if (finishReason === undefined) return { content, toolCalls: [], finishReason };
    const rest = this.#calls.end();
    const toolCalls = rest.toolCalls.map((call) => ({ ...call, id: newId() }));
    const reason = toolCalls.length > 0 && finishReason === 'stop' ? 'tool_calls' : finishReason;
    return { content: content + rest.content, toolCalls, finishReason: reason };
  }

  /** Where the vocabulary has the mark of a call as a special token, the text of a step lacks it. */
  #marker(id: number | undefined): string {
    return id !== undefined && this.#tokenizer.specialIds.has(id) ? textWithMarkers(this.#tokenizer, [id]) : '';
  }
}

/** `crypto.randomUUID` is missing on pages that were not loaded by HTTPS. */
function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `call_${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
