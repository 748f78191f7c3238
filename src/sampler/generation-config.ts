/**
 * generation_config.json: the defaults of generation chosen by a checkpoint's authors. They are defaults of options here, as for
 * transformers' `generate` (generation/configuration_utils.py, generation/utils.py).
 */
import * as v from 'valibot';
import { CheckpointError, quote, UsageError } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import { present } from '../options/check.ts';
import { holds, jsonObjectOrFalse, kind, kinds, type Option, option, wantedOf } from '../options/option.ts';
import { SAMPLING_OPTIONS, type SamplingOptions, temperatureOf } from './options.ts';

/** The content of the file, with its key names. */
export type GenerationConfig = Readonly<Record<string, unknown>>;

export const GENERATION_CONFIG = option(
  jsonObjectOrFalse<GenerationConfig>(),
  'replace keys of the model\'s generation_config.json, as in {"top_k":0}',
);

/** The options that a file can set. */
export interface DefaultOptions extends SamplingOptions {
  readonly maxNewTokens?: number | undefined;
  readonly maxLength?: number | undefined;
  readonly stop?: string | readonly string[] | undefined;
}

export interface GenerationDefaults {
  /** Name of the file; undefined when there is none. */
  readonly source: string | undefined;
  /** Content of the file. */
  readonly config: GenerationConfig;
  /** Is sampling on by default? (`do_sample`) */
  readonly samples: boolean;
  /** Defaults of options; those of sampling apply only when sampling is on. */
  readonly options: DefaultOptions;
  /** Ids that end generation; undefined when the file has none. */
  readonly endIds: readonly number[] | undefined;
  /** Settings that would change texts and are not supported, as in `num_beams: 4`. */
  readonly unsupported: readonly string[];
}

/** transformers' default of top_k when sampling is on. */
const DEFAULT_TOP_K = 50;

/** Options without a key in transformers. */
const OWN_OPTIONS = new Set(['logitBias', 'seed', 'presencePenalty', 'frequencyPenalty']);

const KINDS: Readonly<Record<string, Option<unknown>>> = {
  ...Object.fromEntries(Object.entries(SAMPLING_OPTIONS).filter(([name]) => !OWN_OPTIONS.has(name))),
  maxNewTokens: kinds.fromOne,
  maxLength: kinds.fromOne,
  stop: kinds.textOrTexts,
};

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Options by the keys that set them. */
const OPTION_OF: ReadonlyMap<string, string> = new Map(
  Object.keys(KINDS).map((name) => [name === 'stop' ? 'stop_strings' : snake(name), name]),
);

/** Values that transformers accepts and treats as 'all tokens'. */
const KEEPS_ALL: Readonly<Record<string, (value: number) => boolean>> = {
  top_p: (value) => value >= 1,
  typical_p: (value) => value >= 1,
  epsilon_cutoff: (value) => value <= 0 || value >= 1,
  eta_cutoff: (value) => value <= 0 || value >= 1,
};

/** Keys that change transformers' output when they differ from their defaults, and that are not supported here. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown, config: GenerationConfig) => boolean>> = {
  num_beams: (value) => Number(value) > 1,
  num_beam_groups: (value) => Number(value) > 1,
  penalty_alpha: (value, { do_sample, top_k }) => Number(value) > 0 && do_sample !== true && Number(top_k ?? 50) > 1,
  dola_layers: () => true,
  guidance_scale: (value) => value !== 1,
  watermarking_config: () => true,
  constraints: () => true,
  force_words_ids: () => true,
  token_healing: (value) => value === true,
  max_time: () => true,
  top_h: (_, { do_sample }) => do_sample === true,
  num_return_sequences: (value) => Number(value) > 1,
  cache_implementation: (value) => value === 'quantized',
};

/** The other keys of transformers' GenerationConfig (5.18), which need no support here or are read elsewhere. */
const OTHER_KEYS = [
  ...['_from_model_config', 'transformers_version', 'do_sample', 'eos_token_id', 'bos_token_id', 'pad_token_id'],
  ...['decoder_start_token_id', 'use_cache', 'cache_config', 'max_cache_len', 'prefill_chunk_size', 'low_memory'],
  ...['early_stopping', 'length_penalty', 'diversity_penalty', 'remove_invalid_values', 'renormalize_logits'],
  ...['output_attentions', 'output_hidden_states', 'output_logits', 'output_scores', 'return_dict_in_generate'],
  ...['compile_config', 'disable_compile', 'continuous_batching_config', 'is_assistant', 'speculation_type', 'use_mtp'],
  ...['assistant_confidence_threshold', 'assistant_early_exit', 'assistant_ensemble_weight', 'assistant_lookbehind'],
  ...['num_assistant_tokens', 'num_assistant_tokens_schedule', 'prompt_lookup_num_tokens', 'max_matching_ngram_size'],
  ...['target_lookbehind', 'assistant_tokenizer', 'generation_kwargs', 'trust_remote_code', 'custom_generate'],
];

/** Throws UsageError on a key in `change` that no version of transformers has, such as a misspelt one. Files may have any keys. */
export function checkChange(change: GenerationConfig | false | undefined): void {
  const known = [...OPTION_OF.keys(), ...Object.keys(UNSUPPORTED), ...OTHER_KEYS];
  const strange = Object.keys(change || {}).find((key) => !known.includes(key));
  if (strange === undefined) return;
  const spelled = snake(strange);
  const meant = known.includes(spelled)
    ? spelled
    : nearest(strange, [...OPTION_OF.keys(), 'do_sample', 'eos_token_id']);
  throw new UsageError(
    `generationConfig has no key '${strange}'; ${meant === undefined ? '' : `did you mean '${meant}'? `}` +
      'Its keys are those of generation_config.json, spelled as there, such as top_k.',
  );
}

export const NO_DEFAULTS: GenerationDefaults = {
  source: undefined,
  config: {},
  samples: false,
  options: {},
  endIds: undefined,
  unsupported: [],
};

/**
 * Reads the file. Null keys count as absent; unknown keys are ignored, as by transformers. Throws CheckpointError with key and value for a
 * value of the wrong kind.
 */
export function readGenerationConfig(config: GenerationConfig, source: string): GenerationDefaults {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = OPTION_OF.get(key);
    if (name === undefined || value === null || value === undefined) continue;
    if (typeof value === 'number' && KEEPS_ALL[key]?.(value)) continue;
    check(source, key, value, KINDS[name] as Option<unknown>);
    options[name] = value;
  }
  const { do_sample: doSample, eos_token_id: ends } = config;
  if (given(doSample)) check(source, 'do_sample', doSample, kinds.flag);
  if (given(ends)) check(source, 'eos_token_id', ends, END_IDS);
  const samples = doSample === true && options.temperature !== 0;
  if (samples) options.topK ??= DEFAULT_TOP_K;
  return {
    source,
    config,
    samples,
    options: options as DefaultOptions,
    endIds: given(ends) ? ([ends].flat() as number[]) : undefined,
    unsupported: Object.entries(config)
      .filter(([key, value]) => given(value) && Object.hasOwn(UNSUPPORTED, key) && UNSUPPORTED[key]?.(value, config))
      .map(([key, value]) => `${key}: ${quote(value)}`),
  };
}

const wholeNumber = v.pipe(v.number(), v.integer());
const END_IDS = kind('a token id, or a list of some', v.union([wholeNumber, v.array(wholeNumber)]));

const given = (value: unknown): boolean => value !== undefined && value !== null;

function check(source: string, key: string, value: unknown, type: Option<unknown>): void {
  if (holds(type, value)) return;
  throw new CheckpointError(
    `${source} has '${key}': ${quote(value)}, wanted ${wantedOf(type)}. Correct it, or drop its defaults with generationConfig: false ` +
      '(--no-generation-config on the command line).',
  );
}

/** Replaces some keys of the defaults; `false` drops all. Throws as readGenerationConfig does. */
export function changedDefaults(
  defaults: GenerationDefaults,
  change: GenerationConfig | false | undefined,
): GenerationDefaults {
  if (change === undefined) return defaults;
  if (change === false) return NO_DEFAULTS;
  checkChange(change);
  return readGenerationConfig({ ...defaults.config, ...change }, defaults.source ?? 'generationConfig');
}

/**
 * Fills in defaults of options. Sampling is on when the options turn it on (see SamplingOptions), or else when the defaults do;
 * `temperature: 0` turns it off. When maxLength is given, the default of maxNewTokens is not used.
 */
export function withDefaults<O extends DefaultOptions>(
  { samples, options: defaults }: GenerationDefaults,
  options: O,
): O & { readonly temperature: number } {
  const own = present(options);
  const draws = temperatureOf(own) > 0 || (own.temperature === undefined && samples);
  const { maxNewTokens, ...others } = defaults;
  const merged = {
    ...others,
    ...(own.maxLength === undefined && maxNewTokens !== undefined ? { maxNewTokens } : {}),
    ...own,
  };
  return { ...merged, temperature: draws ? (own.temperature ?? (defaults.temperature || 1)) : 0 };
}
