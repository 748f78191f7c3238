/** A model of this library as a language model of the AI SDK. */
import type { GenerationStep } from '../api/generation-options.ts';
import type { Model } from '../api/model.ts';
import { AnswerReader } from '../chat/answer.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { AnswerCount } from './answer-count.ts';
import { type PreparedCall, prepareCall } from './request.ts';
import type { PortmanteauSettings } from './settings.ts';
import type {
  LanguageCall,
  LanguageModelV3,
  LanguageResult,
  ResponseFacts,
  StreamPart,
  TextPart,
  ToolCallContent,
} from './specification.ts';

export const PROVIDER = 'portmanteau';

interface Begun {
  readonly prepared: PreparedCall;
  readonly steps: AsyncGenerator<GenerationStep, void, undefined>;
}

export class PortmanteauLanguageModel implements LanguageModelV3 {
  readonly specificationVersion = 'v3';
  readonly provider = PROVIDER;
  readonly modelId: string;
  /** Files are not read. */
  readonly supportedUrls = {};
  readonly #scheduler: Scheduler;
  readonly #settings: PortmanteauSettings;

  constructor(scheduler: Scheduler, settings: PortmanteauSettings) {
    this.modelId = settings.id ?? scheduler.model.family;
    this.#scheduler = scheduler;
    this.#settings = settings;
    // The AI SDK may call them on a Proxy, which has no private fields.
    this.doGenerate = this.doGenerate.bind(this);
    this.doStream = this.doStream.bind(this);
  }

  get #model(): Model {
    return this.#scheduler.model;
  }

  /** Rejects with UsageError on what is wrong in the call, with what the scheduler throws, and with the reason of an abort. */
  async doGenerate(call: LanguageCall): Promise<LanguageResult> {
    const begun = await this.#begin(call);
    const content: LanguageResult['content'] = [];
    const facts = this.#facts();
    for await (const part of this.#parts(begun)) {
      const last = content.at(-1);
      if (part.type === 'text-delta') {
        if (last?.type === 'text') last.text += part.delta;
        else content.push({ type: 'text', text: part.delta } satisfies TextPart);
      } else if (part.type === 'tool-call') content.push(part);
      else if (part.type === 'finish') {
        const { type: _, ...finish } = part;
        return { content, ...finish, response: facts, warnings: begun.prepared.warnings };
      }
    }
    throw new Error('an answer ended without a last step.');
  }

  /** As doGenerate; errors that come later are parts of the stream. Cancelling the stream frees all that the call holds. */
  async doStream(call: LanguageCall): Promise<{ stream: ReadableStream<StreamPart> }> {
    const begun = await this.#begin(call);
    const parts = this.#parts(begun);
    const { abortSignal } = call;
    const first: StreamPart[] = [
      { type: 'stream-start', warnings: begun.prepared.warnings },
      { type: 'response-metadata', ...this.#facts() },
    ];
    const stream = new ReadableStream<StreamPart>({
      start: (controller) => {
        for (const part of first) controller.enqueue(part);
      },
      pull: async (controller) => {
        try {
          const { value, done } = await parts.next();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (abortSignal?.aborted) return controller.error(error);
          controller.enqueue({ type: 'error', error });
          controller.close();
        }
      },
      cancel: async () => {
        await parts.return();
        await begun.steps.return();
      },
    });
    return { stream };
  }

  async #begin(call: LanguageCall): Promise<Begun> {
    call.abortSignal?.throwIfAborted();
    const prepared = await prepareCall(this.#model, this.#settings, call);
    return { prepared, steps: this.#scheduler.generate(prepared.ids, prepared.options) };
  }

  async *#parts({ prepared, steps }: Begun): AsyncGenerator<StreamPart, void, undefined> {
    const tokenizer = this.#model.tokenizer as Tokenizer; // the prompt was a text
    const reader = new AnswerReader(tokenizer, prepared);
    const count = new AnswerCount(prepared, tokenizer);
    const id = '0';
    let isOpen = false;
    for await (const step of steps) {
      count.add(step);
      const { content, toolCalls, finishReason } = reader.add(step);
      if (content !== '') {
        if (!isOpen) yield { type: 'text-start', id };
        isOpen = true;
        yield { type: 'text-delta', id, delta: content };
      }
      if (finishReason === undefined) continue;
      if (isOpen) yield { type: 'text-end', id };
      for (const one of toolCalls) yield* callParts(one.id, one.name, one.arguments);
      yield { type: 'finish', ...count.finish(finishReason) };
    }
  }

  #facts(): ResponseFacts {
    return { id: crypto.getRandomValues(new Uint32Array(4)).join('-'), timestamp: new Date(), modelId: this.modelId };
  }
}

function* callParts(id: string, toolName: string, input: string): Generator<StreamPart> {
  yield { type: 'tool-input-start', id, toolName };
  yield { type: 'tool-input-delta', id, delta: input };
  yield { type: 'tool-input-end', id };
  yield { type: 'tool-call', toolCallId: id, toolName, input } satisfies ToolCallContent;
}
