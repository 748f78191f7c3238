/** The public interface of a loaded model: generation, scores, logits, captured values and states. */
import { Senses } from '../analysis/senses/senses.ts';
import { type SteeringOptions, type SteeringVectors, steeringVectors } from '../analysis/steering/vectors.ts';
import type { Subject } from '../analysis/subject.ts';
import type { Backend } from '../backends/backend.ts';
import { eager } from '../backends/eager.ts';
import { UsageError } from '../base/errors.ts';
import { exp } from '../base/math.ts';
import type { TypedArray } from '../base/tensor.ts';
import type { SavedFile } from '../checkpoint/save.ts';
import { KEY_VALUE_FORMATS, type KeyValueFormat } from '../formats/key-values.ts';
import { Capture, type CapturedTensor, matchSites } from '../inspect/capture.ts';
import { findParameter, readParameter, type SomeRows } from '../inspect/parameters.ts';
import type { Profile, ProfileRow } from '../inspect/timed.ts';
import { WATCH_OPTIONS, type WatchOptions, watching } from '../inspect/watching.ts';
import { compile, type InterventionsOption, replacing } from '../interventions/compile.ts';
import type { Interventions } from '../interventions/interventions.ts';
import { checkContinues, recordedTraces } from '../interventions/provenance.ts';
import { sequenceOf } from '../interventions/sequence.ts';
import { describe, type ModelDescription } from '../loader/describe.ts';
import { FILL_OPTIONS, type FillOptions, fill } from '../loader/fill.ts';
import type { OnWarning, OpenedModel } from '../loader/open.ts';
import { filesOf } from '../loader/save.ts';
import { differingCopies } from '../loader/verify-copies.ts';
import type { ModelFacts, Parameter, ResidualStream, Site } from '../models/model.ts';
import { checkOptions } from '../options/check.ts';
import { call, holds, jsonObject, kinds, type OptionsOf, oneOf, option, ownKind } from '../options/option.ts';
import { checkSequences, Engine, type Request } from '../runtime/engine.ts';
import { PrefixCache, type PrefixCacheOptions } from '../runtime/prefix-cache.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import { State } from '../runtime/state.ts';
import type { StateDescription } from '../runtime/state-file.ts';
import { MAX_TOP, Summaries, type TokenLogprob } from '../runtime/summaries.ts';
import { changedDefaults, GENERATION_CONFIG, withDefaults } from '../sampler/generation-config.ts';
import { logSumExp, topLogprobs } from '../sampler/sampler.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type CapturedStep, type CaptureStepsOptions, captureSteps } from './capture-steps.ts';
import {
  type Alternative,
  type FinishReason,
  GENERATION_OPTIONS,
  type GenerationOptions,
  type GenerationStep,
  generate,
  withText,
} from './generate.ts';
import { INTERVENTIONS } from './interventions-option.ts';
import { type LAST_LOGITS_OPTIONS, lastLogits, type PromptRun } from './last-logits.ts';
import {
  ENCODE_OPTIONS,
  type EncodePromptOptions,
  encodeMore,
  encodePrompt,
  type Prompt,
  type Prompts,
  promptList,
} from './prompt.ts';
import { type ReadoutOptions, readoutOf } from './readout.ts';
import { senseSource } from './sense-source.ts';
import { WINDOW_OPTIONS, type WindowOptions, windowsOf } from './windows.ts';

const aState = ownKind<State>('a State, as newState() gives', (value) => value instanceof State);

export const PROMPT_OPTIONS = {
  ...GENERATION_OPTIONS,
  ...ENCODE_OPTIONS,
  /**
   * Continue from this state; at the end it has read the prompt and all that was generated. For a single prompt, which is appended: if the
   * state has read something, the tokenizer's begin-of-text is not added.
   */
  state: aState,
  /** Keys of the checkpoint's generation_config.json to replace for this call; false leaves its defaults out. */
  generationConfig: GENERATION_CONFIG,
};

export interface PromptOptions extends GenerationOptions, EncodePromptOptions, OptionsOf<typeof PROMPT_OPTIONS> {}

export interface Completion {
  readonly promptIds: readonly number[];
  readonly ids: readonly number[];
  /** Empty when the model has no tokenizer. */
  readonly text: string;
  readonly logprobs: readonly number[];
  readonly finishReason: FinishReason;
  /** Number of the prompt's tokens that were in the cache. */
  readonly cachedTokens: number;
  /** With sampling: the seed that reproduces the text. */
  readonly seed?: number;
}

export interface ScoredToken {
  readonly id: number;
  readonly text: string;
  /**
   * Natural logarithm of the probability given all tokens before it in its window. Null when there are none: for the first token, and for
   * the first of every window when windows do not overlap and the tokenizer adds nothing in front of a text.
   */
  readonly logprob: number | null;
  readonly alternatives?: readonly Alternative[];
}

export interface Score {
  readonly tokens: readonly ScoredToken[];
  readonly sumLogprob: number;
  /** exp(-mean logprob), over the tokens that have one; NaN when there are none. */
  readonly perplexity: number;
  /** Tokens of a window, tokens from the start of one window to the next, and number of windows. */
  readonly window: number;
  readonly stride: number;
  readonly windows: number;
}

export const SCORE_OPTIONS = {
  ...WINDOW_OPTIONS,
  alternatives: option(kinds.fromZero, 'also the k most likely tokens at each position', 0),
  /** Interventions on the model's values. Positions are those in the whole text, also when it is read in windows. */
  interventions: INTERVENTIONS,
  signal: kinds.signal,
  /**
   * Called with the raw logits [n, V] of the positions first .. first + n: each position once, in order. They are the logits with which the
   * next token was scored.
   */
  onLogits: call<(first: number, logits: Float32Array) => void>(),
};

export interface ScoreOptions extends WindowOptions, OptionsOf<typeof SCORE_OPTIONS> {}

const LOGITS_OPTIONS = { ...ENCODE_OPTIONS, interventions: INTERVENTIONS, signal: kinds.signal };

const UNEMBED_OPTIONS = { signal: kinds.signal };

const siteNames = ownKind<readonly string[]>("a list of site names, as in ['blocks.*.pattern']", (value) =>
  holds(kinds.texts, value),
);

const CAPTURE_OPTIONS = {
  ...ENCODE_OPTIONS,
  sites: siteNames,
  /**
   * The first token whose values are captured. Earlier ones are read, but their values are not captured and take no memory. The values are
   * the same to the bit.
   */
  from: option(kinds.fromZero, 'the first token whose values are wanted', 0),
  /** Numbers that replace the value of a site, of the same count. */
  replace: jsonObject<Readonly<Record<string, TypedArray>>>(),
  interventions: INTERVENTIONS,
  state: aState,
  signal: kinds.signal,
};

export interface CaptureOptions extends EncodePromptOptions, OptionsOf<typeof CAPTURE_OPTIONS> {
  /** Site names, `*` for any part. */
  readonly sites: readonly string[];
}

export const LOAD_OPTIONS = {
  ...FILL_OPTIONS,
  ...WATCH_OPTIONS,
  /** Format of the KV cache; default f32. f16 takes half the memory, i8 a little more than a quarter. */
  keyValues: option(oneOf<KeyValueFormat>(KEY_VALUE_FORMATS), 'format of the KV cache', 'f32'),
  /**
   * Most bytes of all states together, including those of prefix caches; default: as much as the backend can allocate. Memory is allocated
   * when needed; while it grows, the old and the new one exist at the same time.
   */
  maxStateBytes: option(kinds.positive, 'bytes that all states together may take (default: as much as there is)'),
  /** Called with warnings about a checkpoint. */
  onWarning: call<OnWarning>(),
};

export interface LoadOptions extends FillOptions, WatchOptions, OptionsOf<typeof LOAD_OPTIONS> {}

/** The parts of a model, for use inside of this library only; not exported by the entry points. */
export interface ModelParts {
  readonly opened: OpenedModel;
  readonly engine: Engine;
}

export let partsOf: (model: Model) => ModelParts;

export class Model implements Subject {
  readonly #opened: OpenedModel;
  readonly #engine: Engine;
  readonly #profile: Profile | undefined;

  static {
    partsOf = (model) => ({ opened: model.#opened, engine: model.#engine });
  }

  private constructor(opened: OpenedModel, engine: Engine, profile: Profile | undefined) {
    this.#opened = opened;
    this.#engine = engine;
    this.#profile = profile;
  }

  /**
   * Reads the weights of an opened model into a backend, which then belongs to the model. The files of the checkpoint are always closed,
   * also when the promise of a backend rejects.
   */
  static async load(
    opened: OpenedModel,
    backend: Backend | Promise<Backend>,
    options: LoadOptions = {},
  ): Promise<Model> {
    let ready: Backend | undefined;
    try {
      const { keyValues, maxStateBytes } = checkOptions('Model.load', options, LOAD_OPTIONS);
      ready = await backend;
      for (const warning of await differingCopies(opened.plan.copies, options.signal)) options.onWarning?.(warning);
      const { ops, watch, profile } = watching(eager(ready), ready, options);
      await fill(opened.plan, ready, ops, options);
      await opened.checkpoint.checkUnchanged();
      return new Model(opened, new Engine(opened.model, ready, ops, { keyValues, maxStateBytes, watch }), profile);
    } catch (error) {
      await ready?.dispose();
      throw error;
    } finally {
      await opened.checkpoint.close();
    }
  }

  get family(): string {
    return this.#opened.family;
  }

  /** Size of the vocabulary, width, layers, context length, and other facts that the model family reads from config.json. */
  get facts(): ModelFacts {
    return this.#opened.model.facts;
  }

  get tokenizer(): Tokenizer | undefined {
    return this.#opened.tokenizer;
  }

  /** Time of every op so far, the longest first; empty unless the model was loaded with `profile`. */
  get profile(): readonly ProfileRow[] {
    return this.#profile?.rows ?? [];
  }

  /** Names, axes and meanings of all values that can be captured. */
  get sites(): readonly Site[] {
    return this.#opened.model.sites;
  }

  /** Names, axes, meanings and shapes of the weights that `parameter` reads. */
  get parameters(): readonly Omit<Parameter, 'weight'>[] {
    return this.#opened.model.parameters;
  }

  /** Weights as f32 numbers in row-major order: all, or some rows of the first axis. Throws UsageError on an unknown name. */
  async parameter(name: string, some?: SomeRows): Promise<Float32Array> {
    const { backend, ops } = this.#engine;
    return readParameter(backend, ops, findParameter(this.#opened.model.parameters, name), some);
  }

  /** Describes parts, files, memory and defaults of generation. `threads`: number of threads for the estimate of peak memory. */
  describe(threads = 1): ModelDescription {
    return describe(this.#opened, threads, this.#engine.pool.keyValues);
  }

  /** Checks interventions against this model, for use in many calls. Throws UsageError on sites and parts that the model does not have. */
  checkInterventions(option: InterventionsOption): Interventions {
    return compile(option, targetOf(this.#engine.model));
  }

  /** A new state, for generate, complete or capture. Dispose it when done. */
  newState(): State {
    return this.#engine.newState();
  }

  /** Bytes of all states now: in use, allocated from the backend, and the maximum. */
  get stateMemory(): { readonly usedBytes: number; readonly bytes: number; readonly maxBytes: number } {
    const { usedBytes, bytes, maxBytes } = this.#engine.pool;
    return { usedBytes, bytes, maxBytes };
  }

  /** A new cache that keeps the states of generate and complete, for prompts with a common beginning. Dispose it when done. */
  newPrefixCache(options: PrefixCacheOptions = {}): PrefixCache {
    return new PrefixCache(this.#engine, options);
  }

  /**
   * Ids of a text, with the tokens that the tokenizer adds in front (such as Llama's begin-of-text), unless the text begins with them
   * already. Ids are returned as they are.
   */
  encode(prompt: Prompt, options: EncodePromptOptions = {}): readonly number[] {
    checkOptions('encode', options, ENCODE_OPTIONS);
    return encodePrompt(this.#opened, prompt, options);
  }

  /** Generates for one prompt, or several at once; `index` of a step is the index of its prompt. */
  async *generate(prompts: Prompts, options: PromptOptions = {}): AsyncGenerator<GenerationStep> {
    checkOptions('generation', options, PROMPT_OPTIONS);
    const { state, generationConfig, splitSpecialTokens, ...rest } = options;
    const defaults = changedDefaults(this.#opened.generation, generationConfig);
    const list = promptList(prompts);
    if (state && list.length > 1)
      throw new UsageError('a state belongs to one prompt; generate several without, or one by one.');
    const inputs = list.map((prompt) => ({
      ids: this.#append(prompt, state, { splitSpecialTokens }),
      ...(state ? { state } : {}),
    }));
    const endIds =
      generationConfig && 'eos_token_id' in generationConfig ? new Set(defaults.endIds) : this.#opened.endIds;
    yield* generate(this.#engine, inputs, this.tokenizer, endIds, withDefaults(defaults, rest));
  }

  /** The complete result of generate() for one prompt. */
  async complete(prompt: Prompt, options: PromptOptions = {}): Promise<Completion> {
    const promptIds = this.#append(prompt, options.state, options);
    const ids: number[] = [];
    const logprobs: number[] = [];
    let text = '';
    let finishReason: FinishReason = 'length';
    let cachedTokens = 0;
    let seed: number | undefined;
    for await (const step of this.generate(promptIds, options)) {
      text += step.text;
      if (step.id !== undefined) ids.push(step.id);
      if (step.logprob !== undefined) logprobs.push(step.logprob);
      finishReason = step.finishReason ?? finishReason;
      cachedTokens = step.cachedTokens ?? cachedTokens;
      seed = step.seed ?? seed;
    }
    const drawn = seed === undefined ? {} : { seed };
    return { promptIds, ids, text, logprobs, finishReason, cachedTokens, ...drawn };
  }

  /** The probability of every token of a text, given the tokens before it. A text longer than the context is read in windows. */
  async score(prompt: Prompt, options: ScoreOptions = {}): Promise<Score> {
    const { alternatives, signal, onLogits, interventions } = checkOptions('score', options, SCORE_OPTIONS);
    const { windows, ...cut } = windowsOf(this.#opened, prompt, options);
    const end = windows.at(-1);
    const changed = interventions && compile(interventions, targetOf(this.#engine.model));
    const promptLength = end ? end.at - end.first + end.ids.length : 0;
    const { vocabSize } = this.facts;
    const tokens: ScoredToken[] = [];
    const most = Math.min(alternatives, vocabSize);
    const add = (id: number, logprob: number | null, top: readonly TokenLogprob[]) => {
      const best = logprob !== null && alternatives > 0 ? { alternatives: withText(top, this.tokenizer) } : {};
      tokens.push({ id, text: this.tokenizer?.piece(id) ?? '', logprob, ...best });
    };
    for (const [i, { ids, first, at }] of windows.entries()) {
      if (first === 0 && ids.length > 0) add(ids[0] as number, null, []);
      const from = Math.max(0, first - 1); // the row whose logits predict the first new token
      const next = ids.slice(from + 1);
      const under = changed && sequenceOf(changed, { promptLength, offset: at - first });
      const predicting = next.map((_, i) => from + i);
      if (!onLogits && most <= MAX_TOP) {
        const summary = { top: most, targets: next };
        const visit = (begin: number, output: Float32Array) => {
          const some = new Summaries(output, summary);
          for (let i = 0; i < some.length; i++) add(next[begin + i] as number, some.target(i), some.top(i));
        };
        await this.#readThrough({ ids, rows: predicting, summary, visit, signal, interventions: under });
        continue;
      }
      const overlaps = (windows[i + 1]?.first ?? 0) > 0; // then the next window has the logits after this one's last token
      const visit = (begin: number, logits: Float32Array) => {
        onLogits?.(at - first + from + begin, logits);
        for (let i = 0; i * vocabSize < logits.length; i++) {
          const id = next[begin + i];
          if (id === undefined) continue;
          const row = logits.subarray(i * vocabSize, (i + 1) * vocabSize);
          add(id, (row[id] as number) - logSumExp(row), topLogprobs(row, most));
        }
      };
      const rows = overlaps || ids.length === 0 ? predicting : [...predicting, ids.length - 1];
      await this.#readThrough({ ids, rows, visit, signal, interventions: under });
    }
    const scored = tokens.flatMap(({ logprob }) => (logprob === null ? [] : [logprob]));
    const sumLogprob = scored.reduce((sum, logprob) => sum + logprob, 0);
    const perplexity = scored.length > 0 ? exp(-sumLogprob / scored.length) : Number.NaN;
    return { tokens, sumLogprob, perplexity, window: cut.window, stride: cut.stride, windows: windows.length };
  }

  /** The logits [T, V] of the next token after every position. */
  async logits(prompt: Prompt, options: OptionsOf<typeof LOGITS_OPTIONS> = {}): Promise<CapturedTensor> {
    const { signal, splitSpecialTokens, interventions } = checkOptions('logits', options, LOGITS_OPTIONS);
    const ids = this.encode(prompt, { splitSpecialTokens });
    const { vocabSize } = this.facts;
    const data = new Float32Array(ids.length * vocabSize);
    const visit = (first: number, some: Float32Array) => data.set(some, first * vocabSize);
    const changed = interventions && compile(interventions, targetOf(this.#engine.model));
    const under = changed && sequenceOf(changed, { promptLength: ids.length });
    await this.#readThrough({ ids, rows: 'all', visit, signal, interventions: under });
    return { shape: [ids.length, vocabSize], dtype: 'f32', data };
  }

  /**
   * Directions between this model's values for two kinds of texts, in the form that `interventions` take: { vectors, interventions }. Throws
   * UsageError on sites that do not exist.
   */
  steeringVector(options: SteeringOptions): Promise<SteeringVectors> {
    return steeringVectors(this, options);
  }

  /** The logits [V] of the token after each prompt. Each prompt has its own interventions; all are read in one batch. */
  async lastLogits(
    runs: readonly PromptRun[],
    options: OptionsOf<typeof LAST_LOGITS_OPTIONS> = {},
  ): Promise<Float32Array[]> {
    return lastLogits(this.#opened, this.#engine, runs, options);
  }

  /** Applies the head to vectors such as those of the site `hidden`: hidden[n, M] -> logits[n, V], in chunks. */
  async unembed(
    hidden: Float32Array,
    visit: (first: number, logits: Float32Array) => void,
    options: OptionsOf<typeof UNEMBED_OPTIONS> = {},
  ): Promise<void> {
    const { signal } = checkOptions('unembed', options, UNEMBED_OPTIONS);
    await this.#engine.unembed(hidden, visit, signal);
  }

  /** What each sense of each word does, and edits of senses. Throws UsageError where tokens have no senses. */
  get senses(): Senses {
    return new Senses(senseSource(this, this.#engine));
  }

  /** The values of some sites while the model reads a text. */
  async capture(prompt: Prompt, options: CaptureOptions): Promise<Map<string, CapturedTensor>> {
    const { from } = checkOptions('capture', options, CAPTURE_OPTIONS);
    if (!options?.sites)
      throw new UsageError("capture needs the names of sites, as in { sites: ['blocks.*.pattern'] }.");
    const { sites, replace = {}, interventions = [], state: given, signal } = options;
    const ids = this.#append(prompt, given, options);
    if (from > 0 && from >= ids.length)
      throw new UsageError(`capture got from: ${from}, but the text has ${ids.length} tokens: wanted less.`);
    const wanted = matchSites(this.sites, sites);
    const target = targetOf(this.#engine.model);
    const read = given?.length ?? 0;
    const changed = compile(interventions, target).and(
      replacing(replace, { from: read + from, count: ids.length - from }, target),
    );
    const under = sequenceOf(changed, { promptLength: read + ids.length });
    const { backend, ops } = this.#engine;
    const capture = new Capture(
      backend,
      ops,
      this.sites.filter(({ name }) => wanted.has(name)),
    );
    const state = given ?? this.newState();
    try {
      const { tap } = capture;
      const rows = tap.sees('logits') ? 'all' : 'none';
      const sequence = { state, interventions: under, signal };
      if (from > 0) await this.#engine.read([{ ...sequence, ids: ids.slice(0, from), rows: 'none' }]);
      const stepTokens = Math.max(1, ids.length - from); // a recurrent state is captured at the end of each step
      await this.#engine.read([{ ...sequence, ids: ids.slice(from), rows, tap }], { stepTokens });
      return await capture.collect();
    } finally {
      capture.dispose();
      if (!given) state.dispose();
    }
  }

  /** How logits are computed from the residual stream, by names of sites and parameters; undefined when the head reads something else. */
  get residualStream(): ResidualStream | undefined {
    return this.#opened.model.residualStream;
  }

  /**
   * Runs the end of the model on the values of these sites (`*` for any part of a name), each in place of the last block's output at all
   * tokens: hidden[T, M], the input of the head. `unembed` computes logits from it. Throws UsageError when a value is not [T, M].
   */
  readout(prompt: Prompt, options: ReadoutOptions): Promise<Map<string, CapturedTensor>> {
    return readoutOf(this.#opened, this.#engine, prompt, options);
  }

  /** As `capture`, for a text of any length, step by step; in windows when the text is longer than the context. */
  captureSteps(prompt: Prompt, options: CaptureStepsOptions): AsyncGenerator<CapturedStep> {
    return captureSteps(this.#opened, this.#engine, prompt, options);
  }

  /**
   * The files of a checkpoint with the present weights, which are read lazily: safetensors, in shards of at most `maxShardBytes` (default
   * 5e9) with an index, and config and tokenizer as they were. In Node, saveModel writes them.
   */
  files({ maxShardBytes }: { readonly maxShardBytes?: number } = {}): Promise<SavedFile[]> {
    return filesOf(this.#opened, this.#engine.backend, maxShardBytes);
  }

  /** Ids of a prompt that continues a state, or begins a text. */
  #append(prompt: Prompt, state: State | undefined, options: EncodePromptOptions): readonly number[] {
    const encode = state && state.length > 0 ? encodeMore : encodePrompt;
    return encode(this.#opened, prompt, options);
  }

  /** Reads one text with a state of its own. */
  async #readThrough(request: Omit<Request, 'state'>): Promise<void> {
    const state = this.newState();
    try {
      await this.#engine.read([{ ...request, state }]);
    } finally {
      state.dispose();
    }
  }

  /** Ends the threads and frees all memory, including that of states. */
  async dispose(): Promise<void> {
    await this.#engine.backend.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}

/** Checks interventions before the weights are loaded: throws UsageError when the model does not have what they change. */
export function checkInterventions(opened: OpenedModel, option: InterventionsOption): Interventions {
  return compile(option, targetOf(opened.model));
}

/**
 * Checks a saved state before the weights are loaded: throws UsageError when it cannot continue under these interventions, as `generate`
 * would.
 */
export function checkStateContinues(
  opened: OpenedModel,
  { ids, interventions: made }: Pick<StateDescription, 'ids' | 'interventions'>,
  option: InterventionsOption | undefined,
  promptLength: number,
): void {
  const under = option && sequenceOf(checkInterventions(opened, option), { promptLength });
  if (ids.length > 0) checkContinues(made ? recordedTraces(made).traces(0, ids.length) : [], under);
}

/**
 * Checks, before the weights are loaded, that a model has these sites and can read this prompt. Returns the prompt's ids. Throws
 * UsageError.
 */
export function checkBeforeLoad(opened: OpenedModel, prompt: Prompt, sites: readonly string[] = []): readonly number[] {
  const ids = encodePrompt(opened, prompt);
  if (ids.length === 0) throw new UsageError('the prompt is empty: give at least one character.');
  checkSequences(opened.model.facts, [{ ids }]);
  matchSites(opened.model.sites, sites);
  return ids;
}
