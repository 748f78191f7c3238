/** What analyses need of a model. `Model` of src/api offers it; a worker can offer the same. */
import type { CapturedTensor } from '../inspect/capture.ts';
import type { InterventionsOption } from '../interventions/compile.ts';
import type { ModelFacts, Parameter, ResidualStream, Site } from '../models/model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

/** A text or token ids. */
export type SubjectPrompt = string | ArrayLike<number>;

export interface SubjectCaptureOptions {
  readonly sites: readonly string[];
  /** The first token whose values are wanted: those before it are read, but not seen. Default 0. */
  readonly from?: number | undefined;
  /** What is changed inside of the model meanwhile. */
  readonly interventions?: InterventionsOption | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SubjectScoreOptions {
  /** What is changed inside of the model meanwhile. */
  readonly interventions?: InterventionsOption | undefined;
  readonly window?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SubjectScore {
  /** Natural logarithm of the probability of each token of the text; null where nothing stands before. */
  readonly tokens: readonly { readonly id: number; readonly logprob: number | null }[];
  readonly sumLogprob: number;
  readonly perplexity: number;
}

export interface SubjectStepsOptions {
  readonly sites: readonly string[];
  /** Tokens that are read at once. */
  readonly stepTokens?: number | undefined;
  /** Tokens of a window; default: all of the text, or the context of the model. */
  readonly window?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was captured of some tokens that follow each other. */
export interface SubjectStep {
  /** Values per token have a row for each of these. */
  readonly ids: readonly number[];
  /** The first row that is new: those before it were read in an earlier window already, or stand in front of each. */
  readonly first: number;
  /** The place in the text of the token of row `first`. */
  readonly at: number;
  /** Does a window begin here, so that the model knows nothing of what was read before? */
  readonly begins: boolean;
  readonly values: ReadonlyMap<string, CapturedTensor>;
}

/** A prompt, and what is changed inside of the model while it reads it. */
export interface SubjectRun {
  readonly prompt: SubjectPrompt;
  readonly interventions?: InterventionsOption | undefined;
}

export interface SubjectGenerateOptions {
  readonly maxNewTokens?: number | undefined;
  /** For each prompt its own. */
  readonly interventionsOf?: readonly (InterventionsOption | undefined)[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Subject {
  readonly facts: ModelFacts;
  /** Every value that can be captured. */
  readonly sites: readonly Site[];
  readonly tokenizer: Tokenizer | undefined;
  /** Every weight that `parameter` reads. */
  readonly parameters: readonly Omit<Parameter, 'weight'>[];
  encode(prompt: SubjectPrompt): readonly number[];
  /** Weights as f32 numbers in row-major order; of some rows of the first axis only, if told so. */
  parameter(name: string, some?: { readonly first: number; readonly count: number }): Promise<Float32Array>;
  /** As `capture`, of a text of any length, some tokens at a time; in windows where the text is longer than the context. */
  captureSteps(prompt: SubjectPrompt, options: SubjectStepsOptions): AsyncIterable<SubjectStep>;
  /** Logits [V] after the last token of each prompt, each under interventions of its own, in one batch: the bits of each alone. */
  lastLogits(
    runs: readonly SubjectRun[],
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Float32Array[]>;
  /** The probability of every token of a text, in windows where it is longer than the context. */
  score(prompt: SubjectPrompt, options?: SubjectScoreOptions): Promise<SubjectScore>;
  /** Goes on with each of these prompts; the likeliest tokens, unless the model has other defaults. */
  generate(
    prompts: readonly (readonly number[])[],
    options?: SubjectGenerateOptions,
  ): AsyncIterable<{ readonly index: number; readonly id?: number; readonly text: string }>;
  /** Values of these sites (`*` for any part of a name) while the model reads the prompt. */
  capture(prompt: SubjectPrompt, options: SubjectCaptureOptions): Promise<Map<string, CapturedTensor>>;
  /** How logits come of the residual stream; undefined where the head reads something else. */
  readonly residualStream: ResidualStream | undefined;
  /**
   * What the rest of the model makes of the values of these sites, each in the place of the last block's output: what the head would read,
   * [T, M]. `unembed` makes logits of it.
   */
  readout(
    prompt: SubjectPrompt,
    options: Pick<SubjectCaptureOptions, 'sites' | 'interventions' | 'signal'>,
  ): Promise<Map<string, CapturedTensor>>;
  /** Scores of all tokens for vectors that the head reads: hidden[n, M] -> logits[n, V], given in pieces of some rows. */
  unembed(
    hidden: Float32Array,
    visit: (first: number, logits: Float32Array) => void,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<void>;
}
