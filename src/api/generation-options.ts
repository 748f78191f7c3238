/** The options of generation, and what it yields. */
import type { Adapter } from '../adapters/adapter.ts';
import type { InterventionsOption } from '../interventions/compile.ts';
import { holds, kinds, type OptionsOf, option, ownKind } from '../options/option.ts';
import { PrefixCache } from '../runtime/prefix-cache.ts';
import type { TokenLogprob } from '../runtime/summaries.ts';
import type { TokenMask } from '../sampler/mask.ts';
import { SAMPLING_OPTIONS, type SamplingOptions } from '../sampler/options.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { anAdapter } from './adapter-option.ts';
import { INTERVENTIONS } from './interventions-option.ts';

export const MAX_NEW_TOKENS = 128;

/** The options of the loop and of the sampler. */
export const GENERATION_OPTIONS = {
  /** Most tokens to add; default 128, unless maxLength is given. */
  maxNewTokens: option(kinds.fromZero, `most tokens to add (default: ${MAX_NEW_TOKENS})`),
  /** Most tokens of prompt and text together, including those that the state has read; maxNewTokens takes precedence. */
  maxLength: option(kinds.fromOne, 'most tokens of prompt and text together'),
  /** Generation ends before the first of these texts, which is not part of the result. Special tokens match by their names. */
  stop: option(kinds.textOrTexts, 'end before this text', []),
  /** Ids that end the generation, in addition to the model's own end-of-text. They are returned as ids, without text. */
  stopIds: option(kinds.ids, 'end after one of these ids', []),
  /** Goes on after the model's own end-of-text. */
  ignoreEnd: option(kinds.flag, "go on after the model's end-of-text", false),
  /** Number of most likely tokens to report for each step. */
  alternatives: option(kinds.fromZero, 'the k most likely tokens of each step', 0),
  /** Cache of the states of earlier prompts; the states of this call are added to it. */
  cache: ownKind<PrefixCache>('a PrefixCache, as newPrefixCache() gives', (value) => value instanceof PrefixCache),
  /** Interventions on the model's values, for all prompts. */
  interventions: INTERVENTIONS,
  /** Interventions for each prompt, instead of `interventions`. */
  interventionsOf: ownKind<readonly (InterventionsOption | undefined)[]>(
    'a list with interventions, or undefined, for each prompt',
    (value) => Array.isArray(value) && value.every((one) => one === undefined || holds(INTERVENTIONS, one)),
  ),
  /** An adapter of this model, as `loadAdapter` gives, for all prompts. */
  adapter: anAdapter,
  /** An adapter for each prompt, or undefined for none, instead of `adapter`. */
  adapterOf: ownKind<readonly (Adapter | undefined)[]>(
    'a list with an Adapter, or undefined, for each prompt',
    (value) => Array.isArray(value) && value.every((one) => one === undefined || holds(anAdapter, one)),
  ),
  /**
   * Which tokens may come next, for each step of each sequence: output of a form, such as JSON by a schema (`jsonSchemaMask`, `jsonMask`,
   * `regexMask`). Applied after biases and penalties. Text that maxNewTokens or a stop text cuts off is not whole.
   */
  mask: ownKind<TokenMask>(
    'a TokenMask, as jsonSchemaMask() gives',
    (value) => typeof value === 'object' && value !== null && 'begin' in value,
  ),
  signal: kinds.signal,
  ...SAMPLING_OPTIONS,
};

export interface GenerationOptions extends SamplingOptions, OptionsOf<typeof GENERATION_OPTIONS> {}

/** One of the most likely tokens of a step. */
export interface Alternative {
  readonly id: number;
  /** For display; empty when the model has no tokenizer. */
  readonly text: string;
  /** Natural logarithm of the model's probability. */
  readonly logprob: number;
}

/** `length`: maxNewTokens was reached, or the context is full. */
export type FinishReason = 'stop' | 'length';

/** What one round adds to one sequence. The last step of a sequence has a finishReason and no id. */
export interface GenerationStep {
  /** Index of the prompt. */
  readonly index: number;
  readonly id?: number;
  /** Final text: never a part of a character, nor text that may become part of a stop text. May be empty. */
  readonly text: string;
  /** Natural logarithm of the model's probability, before sampling options. */
  readonly logprob?: number;
  readonly alternatives?: readonly Alternative[];
  readonly finishReason?: FinishReason;
  /** In the last step, with a cache: number of the prompt's tokens that were in the cache. */
  readonly cachedTokens?: number;
  /** In the last step, with sampling: the seed that reproduces the text. */
  readonly seed?: number;
}

export const withText = (tokens: readonly TokenLogprob[], tokenizer: Tokenizer | undefined): Alternative[] =>
  tokens.map(({ id, logprob }) => ({ id, text: tokenizer?.piece(id) ?? '', logprob }));
