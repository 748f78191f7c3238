/** A loaded model, as its users see it: text in, text, probabilities and insides out. */
import type { Backend } from './backends/backend.ts';
import type { SavedFile } from './checkpoint/save.ts';
import { checkSequences, Engine } from './engine.ts';
import { UsageError } from './errors.ts';
import { type FinishReason, type GenerationOptions, type GenerationStep, generate, LOOP_OPTIONS } from './generate.ts';
import { Capture, type CapturedTensor, matchSites } from './inspect/capture.ts';
import { checkKeyValueFormat, type KeyValueFormat } from './key-values.ts';
import { type FillOptions, fill } from './loader/fill.ts';
import type { OnWarning, OpenedModel } from './loader/open.ts';
import { filesOf } from './loader/save.ts';
import { differingCopies } from './loader/verify-copies.ts';
import { exp } from './math.ts';
import type { State } from './models/state.ts';
import { PrefixCache, type PrefixCacheOptions } from './prefix-cache.ts';
import { checkSamplingOptions, logSumExp, topLogprobs } from './sampler/sampler.ts';
import type { TypedArray } from './tensor.ts';
import type { Tokenizer } from './tokenizer/tokenizer.ts';

/** Text, or the ids of its tokens. */
export type Prompt = string | readonly number[];

export interface PromptOptions extends GenerationOptions {
  /** Go on from what this state has read; at the end it has read the prompt and all that was generated too. For a single prompt. */
  readonly state?: State;
}

export interface Completion {
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  /** Empty when the model has no tokenizer. */
  readonly text: string;
  readonly logprobs: readonly number[];
  readonly finishReason: FinishReason;
  /** How many tokens of the prompt came from the cache. */
  readonly cachedTokens: number;
}

export interface ScoredToken {
  readonly id: number;
  readonly text: string;
  /** Natural logarithm of the probability given all tokens before; null for the first, which nothing precedes. */
  readonly logprob: number | null;
  readonly alternatives?: readonly { readonly id: number; readonly logprob: number }[];
}

export interface Score {
  readonly tokens: readonly ScoredToken[];
  readonly sumLogprob: number;
  /** exp(-mean logprob); NaN when there is nothing to predict. */
  readonly perplexity: number;
}

export interface ScoreOptions {
  readonly alternatives?: number;
  readonly signal?: AbortSignal;
  /** Sees the raw logits [n, V] of the positions first .. first + n, in order. */
  readonly onLogits?: (first: number, logits: Float32Array) => void;
}

export interface CaptureOptions {
  /** Site names, `*` for any part. */
  readonly sites: readonly string[];
  /** Numbers to put in the place of those of a site, of the same count. */
  readonly replace?: Readonly<Record<string, TypedArray>>;
  readonly state?: State;
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends FillOptions {
  /** How states keep keys and values; default f32. f16 halves their memory, i8 takes little more than a quarter. */
  readonly keyValues?: KeyValueFormat | undefined;
  /** Told what is odd about a checkpoint but no error. */
  readonly onWarning?: OnWarning | undefined;
}

export class Model {
  readonly opened: OpenedModel;
  readonly engine: Engine;

  private constructor(opened: OpenedModel, engine: Engine) {
    this.opened = opened;
    this.engine = engine;
  }

  /**
   * Reads the weights of an opened model into a backend, which then belongs to the model. The files of the checkpoint are closed in any
   * case, also when the promise of a backend rejects.
   */
  static async load(
    opened: OpenedModel,
    backend: Backend | Promise<Backend>,
    options: LoadOptions = {},
  ): Promise<Model> {
    let ready: Backend | undefined;
    try {
      const keyValues = checkKeyValueFormat(options.keyValues ?? 'f32');
      ready = await backend;
      for (const warning of await differingCopies(opened.plan.copies)) options.onWarning?.(warning);
      await fill(opened.plan, ready, options);
      return new Model(opened, new Engine(opened.model, ready, keyValues));
    } catch (error) {
      await ready?.dispose();
      throw error;
    } finally {
      await opened.checkpoint.close();
    }
  }

  get family(): string {
    return this.opened.family;
  }

  get tokenizer(): Tokenizer | undefined {
    return this.opened.tokenizer;
  }

  /** Names, axes and meanings of all values that can be captured. */
  get sites() {
    return this.opened.model.sites;
  }

  /** Memory of one conversation, to be handed to generate, complete or capture. Dispose it when done. */
  newState(): State {
    return this.engine.newState();
  }

  /** Keeps what generate and complete have read, for prompts that begin in the same way. Dispose it when done. */
  newPrefixCache(options: PrefixCacheOptions = {}): PrefixCache {
    return new PrefixCache(this.engine, options);
  }

  /** Ids of a text, with what the tokenizer adds in front (such as Llama's begin-of-text); ids as they are. */
  encode(prompt: Prompt): readonly number[] {
    return encodePrompt(this.opened, prompt);
  }

  /** One prompt, or several at once; steps say by `index` to which prompt they belong. */
  async *generate(
    prompts: Prompt | readonly string[] | readonly (readonly number[])[],
    options: PromptOptions = {},
  ): AsyncGenerator<GenerationStep> {
    const { state, ...rest } = options;
    checkOptions(rest);
    const list = promptList(prompts);
    if (state && list.length > 1)
      throw new UsageError('a state belongs to one prompt; generate several without, or one by one.');
    const inputs = list.map((prompt) => ({ ids: this.encode(prompt), ...(state ? { state } : {}) }));
    yield* generate(this.engine, inputs, this.tokenizer, this.opened.endIds, rest);
  }

  /** All of what generate() gives for one prompt, at the end. */
  async complete(prompt: Prompt, options: PromptOptions = {}): Promise<Completion> {
    const promptIds = this.encode(prompt);
    const ids: number[] = [];
    const logprobs: number[] = [];
    let text = '';
    let finishReason: FinishReason = 'length';
    let cachedTokens = 0;
    for await (const step of this.generate(promptIds, options)) {
      text += step.text;
      if (step.id !== undefined) ids.push(step.id);
      if (step.logprob !== undefined) logprobs.push(step.logprob);
      finishReason = step.finishReason ?? finishReason;
      cachedTokens = step.cachedTokens ?? cachedTokens;
    }
    return { promptIds, ids, text, logprobs, finishReason, cachedTokens };
  }

  /** The probability of every token of a text, given the tokens before it. */
  async score(prompt: Prompt, { alternatives = 0, signal, onLogits }: ScoreOptions = {}): Promise<Score> {
    const ids = this.encode(prompt);
    const piece = (id: number) => this.tokenizer?.piece(id) ?? '';
    const tokens: ScoredToken[] = ids.slice(0, 1).map((id) => ({ id, text: piece(id), logprob: null }));
    const { vocabSize } = this.engine.model.facts;
    const visit = (first: number, logits: Float32Array) => {
      onLogits?.(first, logits);
      for (let row = 0; (row + 1) * vocabSize <= logits.length; row++) {
        const id = ids[first + row + 1];
        if (id === undefined) return;
        const scores = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
        const best = alternatives > 0 ? { alternatives: topLogprobs(scores, alternatives) } : {};
        tokens.push({ id, text: piece(id), logprob: (scores[id] as number) - logSumExp(scores), ...best });
      }
    };
    await this.#readThrough(ids, visit, signal);
    const sumLogprob = tokens.reduce((sum, { logprob }) => sum + (logprob ?? 0), 0);
    const predicted = tokens.length - 1;
    return { tokens, sumLogprob, perplexity: predicted > 0 ? exp(-sumLogprob / predicted) : Number.NaN };
  }

  /** The raw scores [T, V] of the next token after every position. */
  async logits(prompt: Prompt, { signal }: { readonly signal?: AbortSignal } = {}): Promise<CapturedTensor> {
    const ids = this.encode(prompt);
    const { vocabSize } = this.engine.model.facts;
    const data = new Float32Array(ids.length * vocabSize);
    await this.#readThrough(ids, (first, some) => data.set(some, first * vocabSize), signal);
    return { shape: [ids.length, vocabSize], dtype: 'f32', data };
  }

  /** The values of some sites while the model reads a text. */
  async capture(
    prompt: Prompt,
    { sites, replace = {}, state: given, signal }: CaptureOptions,
  ): Promise<Map<string, CapturedTensor>> {
    const ids = this.encode(prompt);
    const wanted = matchSites(this.sites, sites);
    const replacements = new Map(Object.entries(replace));
    matchSites(this.sites, [...replacements.keys()]);
    const { backend, ops } = this.engine;
    const capture = new Capture(backend, ops, wanted, replacements);
    const state = given ?? this.newState();
    try {
      await this.engine.every({ ids, state }, () => {}, { signal, tap: capture.tap, whole: true });
      return await capture.collect();
    } finally {
      capture.dispose();
      if (!given) state.dispose();
    }
  }

  /**
   * The files of a checkpoint with the weights as they are now, whose bytes are read when they are asked for: safetensors, in shards
   * of at most `maxShardBytes` (default 5e9) with an index, config and tokenizer as they were. In Node, saveModel writes them.
   */
  files({ maxShardBytes }: { readonly maxShardBytes?: number } = {}): Promise<SavedFile[]> {
    return filesOf(this.opened, this.engine.backend, maxShardBytes);
  }

  /** Reads one text with a state of its own. */
  async #readThrough(
    ids: readonly number[],
    visit: (first: number, logits: Float32Array) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const state = this.newState();
    try {
      await this.engine.every({ ids, state }, visit, { signal });
    } finally {
      state.dispose();
    }
  }

  /** Ends workers and gives back all memory. States of this model are gone with it. */
  async dispose(): Promise<void> {
    await this.engine.backend.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Ids of a prompt; throws UsageError when it is text and there is no tokenizer. */
export function encodePrompt({ tokenizer }: OpenedModel, prompt: Prompt): readonly number[] {
  if (typeof prompt !== 'string') return prompt;
  if (!tokenizer) throw new UsageError('this checkpoint has no tokenizer: give token ids in place of text.');
  return tokenizer.encode(prompt);
}

/** Can this model read this prompt, and has it these sites? Throws UsageError if not, before the weights are loaded. */
export function checkBeforeLoad(opened: OpenedModel, prompt: Prompt, sites: readonly string[] = []): void {
  const ids = encodePrompt(opened, prompt);
  if (ids.length === 0) throw new UsageError('the prompt is empty: give at least one character.');
  checkSequences(opened.model.facts, [{ ids }]);
  matchSites(opened.model.sites, sites);
}

/** Throws UsageError on an option that neither the loop nor the sampler knows. */
function checkOptions(options: GenerationOptions): void {
  const loop = new Set<string>(LOOP_OPTIONS);
  checkSamplingOptions(Object.fromEntries(Object.entries(options).filter(([name]) => !loop.has(name))));
}

function promptList(prompts: Prompt | readonly string[] | readonly (readonly number[])[]): readonly Prompt[] {
  if (typeof prompts === 'string') return [prompts];
  return prompts.every((entry) => typeof entry === 'number')
    ? [prompts as readonly number[]]
    : (prompts as readonly Prompt[]);
}
