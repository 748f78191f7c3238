/** The public interface of a loaded model: generation, scores, logits, captured values and states. */
import { Adapter } from '../adapters/adapter.ts';
import { Senses } from '../analysis/senses/senses.ts';
import { type SteeringOptions, type SteeringVectors, steeringVectors } from '../analysis/steering/vectors.ts';
import type { Subject } from '../analysis/subject.ts';
import type { Backend } from '../backends/backend.ts';
import { eager } from '../backends/eager.ts';
import { quote, UsageError } from '../base/errors.ts';
import type { SavedFile } from '../checkpoint/save.ts';
import type { Folder } from '../checkpoint/source.ts';
import { KEY_VALUE_FORMATS, type KeyValueFormat } from '../formats/key-values.ts';
import type { CapturedTensor } from '../inspect/capture.ts';
import { findParameter, readParameter, type SomeRows } from '../inspect/parameters.ts';
import type { Profile, ProfileRow } from '../inspect/timed.ts';
import { WATCH_OPTIONS, type Watched, type WatchOptions, watching } from '../inspect/watching.ts';
import { compile, type InterventionsOption } from '../interventions/compile.ts';
import type { Interventions } from '../interventions/interventions.ts';
import { describe, type ModelDescription } from '../loader/describe.ts';
import { FILL_OPTIONS, type FillOptions, fill } from '../loader/fill.ts';
import type { OnWarning, OpenedModel } from '../loader/open.ts';
import { differingCopies } from '../loader/verify-copies.ts';
import type { ModelFacts, Parameter, ResidualStream, Site } from '../models/model.ts';
import type { Tracer } from '../ops/index.ts';
import { checkOptions } from '../options/check.ts';
import { call, kinds, type OptionsOf, oneOf, option } from '../options/option.ts';
import { Engine } from '../runtime/engine.ts';
import { PrefixCache, type PrefixCacheOptions } from '../runtime/prefix-cache.ts';
import { targetOf } from '../runtime/site-shapes.ts';
import type { State } from '../runtime/state.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { type CaptureOptions, capture } from './capture.ts';
import { type CapturedStep, type CaptureStepsOptions, captureSteps } from './capture-steps.ts';
import { generate } from './generate.ts';
import { generationCall, type PromptOptions } from './generation-call.ts';
import type { FinishReason, GenerationStep } from './generation-options.ts';
import { type LAST_LOGITS_OPTIONS, lastLogits, type PromptRun } from './last-logits.ts';
import { type LogitsOptions, logits } from './logits.ts';
import {
  type ChatPrompt,
  type PromptOrChat,
  type PromptsOrChats,
  promptOf,
  promptsOf,
  type RenderedChat,
  renderChat,
} from './messages.ts';
import type { ModelParts } from './model-parts.ts';
import type { ModelTrainer, ModelTrainingOptions } from './model-trainer.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodeFor, encodePrompt, type Prompt } from './prompt.ts';
import { type ReadoutOptions, readoutOf } from './readout.ts';
import { type Score, type ScoreOptions, score } from './score.ts';
import { senseSource } from './sense-source.ts';

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

const UNEMBED_OPTIONS = { signal: kinds.signal };

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

/** Finds a folder by its address. */
export type FolderOf = (address: string) => Folder;

export let partsOf: (model: Model) => ModelParts;

export class Model implements Subject {
  readonly #opened: OpenedModel;
  readonly #engine: Engine;
  readonly #profile: Profile | undefined;
  readonly #tracer: Tracer;
  readonly #folderOf: FolderOf | undefined;

  static {
    partsOf = (model) => ({ opened: model.#opened, engine: model.#engine, tracer: model.#tracer });
  }

  private constructor(opened: OpenedModel, engine: Engine, { tracer, profile }: Watched, folderOf?: FolderOf) {
    this.#opened = opened;
    this.#engine = engine;
    this.#profile = profile;
    this.#tracer = tracer;
    this.#folderOf = folderOf;
  }

  /**
   * Reads the weights of an opened model into a backend, which then belongs to the model. The files of the checkpoint are always closed,
   * also when the promise of a backend rejects. `folderOf`: finds the folder of an adapter by its address.
   */
  static async load(
    opened: OpenedModel,
    backend: Backend | Promise<Backend>,
    options: LoadOptions = {},
    folderOf?: FolderOf,
  ): Promise<Model> {
    let ready: Backend | undefined;
    try {
      const { keyValues, maxStateBytes } = checkOptions('Model.load', options, LOAD_OPTIONS);
      ready = await backend;
      for (const warning of await differingCopies(opened.plan.copies, options.signal)) options.onWarning?.(warning);
      const watched = watching(eager(ready), ready, options);
      const { ops, watch } = watched;
      await fill(opened.plan, ready, ops, options);
      await opened.checkpoint.checkUnchanged();
      const engine = new Engine(opened.model, ready, ops, { keyValues, maxStateBytes, watch });
      return new Model(opened, engine, watched, folderOf);
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
    return this.#opened.model.parameters.map(({ weight: _, ...parameter }) => parameter);
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

  /**
   * Loads an adapter that PEFT or this library saved: a folder, or its address. Several may be loaded; each call chooses one with the option
   * `adapter`. Dispose it when done. Throws CheckpointError, before memory is allocated, when it does not fit this model.
   */
  async loadAdapter(from: string | Folder): Promise<Adapter> {
    const { openAdapter } = await import('../adapters/file.ts'); // as with the trainer, below: few pages want it
    const { backend, pool } = this.#engine;
    const file = await openAdapter(typeof from === 'string' ? this.#folderAt(from) : from, this.#opened);
    try {
      const turn = <T>(body: () => Promise<T>) => pool.turn(body);
      return await Adapter.load(file, { opened: this.#opened, backend, tracer: this.#tracer, turn });
    } finally {
      await file.close();
    }
  }

  #folderAt(address: string): Folder {
    if (this.#folderOf) return this.#folderOf(address);
    throw new UsageError(
      `the adapter came as ${quote(address)}, wanted a folder, as localFolder or memoryFolder give.`,
    );
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

  /**
   * The text and the ids of a conversation, by the chat template of the tokenizer: what apply_chat_template of transformers gives. Throws
   * UsageError when there is no template, or when it refuses the messages.
   */
  applyChatTemplate(chat: ChatPrompt): Promise<RenderedChat> {
    return renderChat(this.#opened, chat);
  }

  /**
   * Generates for one prompt, or several at once; `index` of a step is the index of its prompt. A prompt may be a conversation:
   * { messages: [{ role: 'user', content: 'Hello' }] }.
   */
  async *generate(prompts: PromptsOrChats, options: PromptOptions = {}): AsyncGenerator<GenerationStep> {
    const run = generationCall(this.#opened, await promptsOf(this.#opened, prompts, true), options);
    yield* generate(this.#engine, run.inputs, this.tokenizer, run.endIds, run.options);
  }

  /** The complete result of generate() for one prompt, or one conversation. */
  async complete(prompt: PromptOrChat, options: PromptOptions = {}): Promise<Completion> {
    const given = await promptOf(this.#opened, prompt, true);
    const promptIds = encodeFor(this.#opened, given, options.state, options);
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
  score(prompt: Prompt, options?: ScoreOptions): Promise<Score>;
  score(prompt: PromptOrChat, options?: ScoreOptions): Promise<Score>;
  async score(prompt: PromptOrChat, options: ScoreOptions = {}): Promise<Score> {
    return score(partsOf(this), await promptOf(this.#opened, prompt, false), options);
  }

  /** The logits [T, V] of the next token after every position. */
  logits(prompt: Prompt, options: LogitsOptions = {}): Promise<CapturedTensor> {
    return logits(partsOf(this), prompt, options);
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
  capture(prompt: Prompt, options: CaptureOptions): Promise<Map<string, CapturedTensor>> {
    return capture(partsOf(this), prompt, options);
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
  async files({ maxShardBytes }: { readonly maxShardBytes?: number } = {}): Promise<SavedFile[]> {
    const { filesOf } = await import('../loader/save.ts');
    return filesOf(this.#opened, this.#engine.backend, maxShardBytes);
  }

  /**
   * Trains this model, whose weights then change: `for await (const step of trainer.run()) ...`. The options are those of a configuration file
   * (docs/training.md), `model` and what only runs with files need left out. Load the model with the weights that its training needs: f32 to
   * train them, and with `roundsLinears` for lambda. States and caches that were made before are of the old weights. Throws UsageError.
   */
  async trainer(options: ModelTrainingOptions): Promise<ModelTrainer> {
    const { modelTrainer } = await import('./model-trainer.ts'); // 24 kB compressed, which most pages do not want
    return modelTrainer(partsOf(this), options);
  }

  /** Ends the threads and frees all memory, including that of states. */
  async dispose(): Promise<void> {
    await this.#engine.backend.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
