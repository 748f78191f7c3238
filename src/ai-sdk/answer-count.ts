/** What is told about an answer at its end: tokens, why it ended, and what this library knows beyond. */
import type { GenerationStep } from '../api/generation-options.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { PreparedCall } from './request.ts';
import type { Finish, Json } from './specification.ts';

export class AnswerCount {
  readonly #prepared: Pick<PreparedCall, 'ids' | 'logprobs'>;
  readonly #tokenizer: Tokenizer;
  readonly #logprobs: Json[] = [];
  #newTokens = 0;
  #cachedTokens = 0;
  #seed: number | undefined;

  constructor(prepared: Pick<PreparedCall, 'ids' | 'logprobs'>, tokenizer: Tokenizer) {
    this.#prepared = prepared;
    this.#tokenizer = tokenizer;
  }

  add({ id, logprob, alternatives, cachedTokens, seed }: GenerationStep): void {
    this.#cachedTokens = cachedTokens ?? this.#cachedTokens;
    this.#seed = seed ?? this.#seed;
    if (id === undefined) return;
    this.#newTokens++;
    if (!this.#prepared.logprobs) return;
    const likeliest = alternatives ? { alternatives: alternatives.map((one) => ({ ...one })) } : {};
    this.#logprobs.push({ id, text: this.#tokenizer.piece(id), logprob, ...likeliest });
  }

  /** `reason`: as src/chat/answer.ts gives it. An answer that was cut off is `length`, also when it has calls. */
  finish(reason: 'stop' | 'length' | 'tool_calls'): Finish {
    const { ids, logprobs } = this.#prepared;
    const unified = reason === 'tool_calls' ? 'tool-calls' : reason;
    const seed = this.#seed === undefined ? {} : { seed: this.#seed };
    return {
      finishReason: { unified, raw: reason },
      usage: {
        inputTokens: {
          total: ids.length,
          noCache: ids.length - this.#cachedTokens,
          cacheRead: this.#cachedTokens,
          cacheWrite: undefined,
        },
        outputTokens: { total: this.#newTokens, text: this.#newTokens, reasoning: undefined },
      },
      providerMetadata: { portmanteau: { ...seed, ...(logprobs ? { logprobs: this.#logprobs } : {}) } },
    };
  }
}
