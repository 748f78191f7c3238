/** Options that several commands share, with their checks. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import {
  checkWeightFormat,
  fromPretrained,
  type Model,
  type PretrainedOptions,
  type Prompt,
  UsageError,
  WEIGHT_FORMATS,
} from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import { progressBar } from './progress.ts';

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0 || text.trim() === '')
    throw new InvalidArgumentError('wanted a whole number from 0 on.');
  return value;
}

export function aNumber(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') throw new InvalidArgumentError('wanted a number.');
  return value;
}

/** `1,2,3` */
export function idList(text: string): number[] {
  return text.split(',').map((part) => wholeNumber(part.trim()));
}

export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

export interface ModelFlags {
  readonly weights?: string;
  readonly threads?: number;
  readonly revision?: string;
  readonly tokenizer?: string;
  readonly ignoreConfigKeys?: string;
}

export function modelOptions(command: Command): Command {
  return command
    .option('--weights <format>', `format of the weights in memory: ${WEIGHT_FORMATS.join(', ')}`, 'auto')
    .option('--threads <n>', 'threads that compute (default: all cores, at most 8)', wholeNumber)
    .option('--revision <name>', 'branch, tag or commit on the hub')
    .option('--tokenizer <model>', 'folder or hub id of the tokenizer, when it does not lie with the weights')
    .option('--ignore-config-keys <keys>', 'keys of config.json to pass over, separated by commas');
}

export function pretrainedOptions(flags: ModelFlags): PretrainedOptions {
  if (flags.threads === 0) throw new UsageError('--threads came as 0, wanted at least 1.');
  return {
    weights: checkWeightFormat(flags.weights ?? 'auto'),
    signal: interrupt.signal,
    onWarning: (message) => process.stderr.write(`warning: ${message}\n`),
    ...(flags.threads ? { threads: flags.threads } : {}),
    ...(flags.revision ? { revision: flags.revision } : {}),
    ...(flags.tokenizer ? { tokenizer: flags.tokenizer } : {}),
    ...(flags.ignoreConfigKeys ? { ignoreConfigKeys: flags.ignoreConfigKeys.split(',') } : {}),
  };
}

/** Loads a model with progress on the terminal, runs `use`, and gives everything back. */
export async function withModel<T>(
  reference: string,
  flags: ModelFlags,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const bar = progressBar('loading');
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) => bar.update(loaded, total);
  const hub = {
    onProgress: ({ loaded, total, file }: { loaded: number; total: number | undefined; file: string }) =>
      bar.update(loaded, total, file),
  };
  let model: Model;
  try {
    model = await fromPretrained(reference, { ...pretrainedOptions(flags), onProgress, hub });
  } finally {
    bar.end();
  }
  try {
    return await use(model);
  } finally {
    await model.dispose();
  }
}

export interface TextFlags {
  readonly text?: string;
  readonly textFile?: string;
  readonly ids?: number[];
}

export function textOptions(command: Command): Command {
  return command
    .option('--text <text>', 'the text')
    .option('--text-file <file>', 'a file that holds the text')
    .option('--ids <list>', 'token ids in place of text, as in 1,2,3', idList);
}

/** The one text or list of ids that was given. */
export function promptOf({ text, textFile, ids }: TextFlags): Prompt {
  const given = [text, textFile, ids].filter((value) => value !== undefined);
  if (given.length !== 1) throw new UsageError(`give one of --text, --text-file and --ids; got ${given.length}.`);
  if (textFile !== undefined) return readTextFile(textFile);
  return ids ?? (text as string);
}

function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read --text-file ${file}: ${(error as Error).message}`);
  }
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
