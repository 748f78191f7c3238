/** Flags of generation. */
import { type Command, InvalidArgumentError } from 'commander';
import { type GenerationOptions, PROMPT_OPTIONS } from '../src/node.ts';
import { pickOptions } from '../src/options/check.ts';
import { interrupt } from './interrupt.ts';
import { libraryOptions } from './library-options.ts';
import { generationConfigOptions } from './model-options.ts';
import { aNumber, collect, idList, wholeNumber } from './options.ts';

const FLAGS = {
  maxNewTokens: '-n, --max-new-tokens <n>',
  temperature: '--temperature <t>',
  topK: '--top-k <k>',
  topP: '--top-p <p>',
  minP: '--min-p <p>',
  repetitionPenalty: '--repetition-penalty <p>',
  presencePenalty: '--presence-penalty <p>',
  frequencyPenalty: '--frequency-penalty <p>',
  logitBias: ['--logit-bias <id:bias>', logitBias, 'as in 50256:-inf; may be given again'],
  seed: ['--seed <n>', wholeNumber, 'shown by --stats and --json'],
  stop: ['--stop <text>', collect, 'may be given again'],
  stopIds: ['--stop-ids <list>', idList],
  ignoreEnd: '--ignore-end',
  alternatives: ['--alternatives <k>', undefined, 'needs --json'],
} as const satisfies Parameters<typeof libraryOptions<typeof PROMPT_OPTIONS>>[2];

export type GenerationFlags = Pick<GenerationOptions, keyof typeof FLAGS>;

export function generationFlags(command: Command): Command {
  return libraryOptions(generationConfigOptions(command), PROMPT_OPTIONS, FLAGS);
}

/** Text for the help. */
export const SAMPLING_ABOUT = `Sampling is on with a --temperature above 0, and without one when --top-k, --top-p or --min-p leaves something out (the temperature is
then 1); else the likeliest token is taken each time, which soon repeats itself with small models. What is not given is as the model's
generation_config.json says ('info' shows it): penalties, sampling (do_sample), lengths.`;

export function generationOptions(flags: GenerationFlags): GenerationOptions {
  return { ...pickOptions(flags, FLAGS), signal: interrupt.signal };
}

function logitBias(text: string, before: ReadonlyMap<number, number> = new Map()): Map<number, number> {
  const [, id, bias] = /^(\d+):(.+)$/.exec(text) ?? [];
  if (id === undefined || bias === undefined) throw new InvalidArgumentError('Wanted id:bias, as in 50256:-100.');
  const value = /^-inf(inity)?$/i.test(bias) ? Number.NEGATIVE_INFINITY : aNumber(bias);
  return new Map([...before, [wholeNumber(id), value]]);
}
