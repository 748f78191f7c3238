/** Flags shared by all commands that open a model: the model, its format, and the resources to use. */
import type { Command } from 'commander';
import { PRETRAINED_OPTIONS, PROMPT_OPTIONS, type PretrainedOptions, type PromptOptions } from '../src/node.ts';
import { libraryOptions } from './library-options.ts';
import { byteCount, collectList, jsonObject, modelArgument, threadCount } from './options.ts';

export type HubFlags = Pick<PretrainedOptions, 'revision'>;

export type ModelFlags = Omit<PretrainedOptions, 'hub' | 'signal' | 'onWarning' | 'onProgress'>;

const add = (command: Command, spellings: Parameters<typeof libraryOptions<typeof PRETRAINED_OPTIONS>>[2]): Command =>
  libraryOptions(command, PRETRAINED_OPTIONS, spellings);

export const hubOptions = (command: Command): Command => add(command, { revision: '--revision <name>' });

/** Flags for the format of weights, and for parts of the configuration to ignore. */
export const formatOptions = (command: Command): Command =>
  configOption(add(command, { weights: '--weights <format>', keyValues: '--key-values <format>' }));

export const configOption = (command: Command): Command =>
  add(command, {
    ignoreConfigKeys: ['--ignore-config-keys <keys>', collectList, LIST],
    ignoreTensors: ['--ignore-tensors <globs>', collectList, LIST],
    tiedHead: '--tied-head <which>',
  });

const LIST = 'separated by commas; may be given again';

/** For commands that generate, or describe generation. */
export const generationConfigOptions = (command: Command): Command =>
  add(command, { generationConfig: ['--generation-config <json>', jsonObject] }).option(
    '--no-generation-config',
    'leave out the defaults that generation_config.json sets',
  );

export const loadOptions = (command: Command): Command =>
  add(command, {
    threads: ['--threads <n>', threadCount],
    memoryBytes: ['--memory <size>', byteCount, 'as in 8GB'],
    tokenizer: '--tokenizer <model>',
  });

/** For commands that use states. */
export const stateMemoryOption = (command: Command): Command =>
  add(command, { maxStateBytes: ['--max-state <size>', byteCount, 'as in 512MB'] });

export const modelOptions = (command: Command): Command =>
  loadOptions(formatOptions(hubOptions(modelArgument(command))));

export type EncodeFlags = Pick<PromptOptions, 'splitSpecialTokens'>;

export const encodeOption = (command: Command): Command =>
  libraryOptions(command, PROMPT_OPTIONS, { splitSpecialTokens: '--split-special-tokens' });
