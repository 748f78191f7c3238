/** A call of generate, as callers write it: prompts and options, with the defaults of the checkpoint. */
import { UsageError } from '../base/errors.ts';
import type { OpenedModel } from '../loader/open.ts';
import { checkOptions } from '../options/check.ts';
import type { OptionsOf } from '../options/option.ts';
import { changedDefaults, GENERATION_CONFIG, withDefaults } from '../sampler/generation-config.ts';
import { GENERATION_OPTIONS, type GenerationOptions } from './generation-options.ts';
import type { GenerationInput } from './prepare-generation.ts';
import { ENCODE_OPTIONS, type EncodePromptOptions, encodeFor, type Prompts, promptList } from './prompt.ts';
import { aState } from './state-option.ts';

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

export interface GenerationCall {
  readonly inputs: readonly GenerationInput[];
  readonly endIds: ReadonlySet<number>;
  readonly options: GenerationOptions;
}

/** Throws UsageError on options that do not exist, and on prompts that are none. */
export function generationCall(opened: OpenedModel, prompts: Prompts, options: PromptOptions): GenerationCall {
  checkOptions('generation', options, PROMPT_OPTIONS);
  const { state, generationConfig, splitSpecialTokens, ...rest } = options;
  const defaults = changedDefaults(opened.generation, generationConfig);
  const list = promptList(prompts);
  if (state && list.length > 1)
    throw new UsageError('a state belongs to one prompt; generate several without, or one by one.');
  const inputs = list.map((prompt) => ({
    ids: encodeFor(opened, prompt, state, { splitSpecialTokens }),
    ...(state ? { state } : {}),
  }));
  const endIds = generationConfig && 'eos_token_id' in generationConfig ? new Set(defaults.endIds) : opened.endIds;
  return { inputs, endIds, options: withDefaults(defaults, rest) };
}
