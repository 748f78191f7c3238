/** The options of a generation. */
import { type Command, InvalidArgumentError } from 'commander';
import type { GenerationOptions } from '../src/node.ts';
import { interrupt } from './interrupt.ts';
import {
  aboveZero,
  aNumber,
  collect,
  fromZero,
  generationConfigOptions,
  idList,
  share,
  wholeNumber,
} from './options.ts';

/** Flags with the names and values of the library's options. */
const PASSED_ON = [
  'maxNewTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'logitBias',
  'seed',
  'stop',
  'stopIds',
  'ignoreEnd',
  'alternatives',
] as const satisfies readonly (keyof GenerationOptions)[];

export type GenerationFlags = Pick<GenerationOptions, (typeof PASSED_ON)[number]>;

export function generationFlags(command: Command): Command {
  return generationConfigOptions(command)
    .option('-n, --max-new-tokens <n>', 'tokens to add at most (default: 128)', wholeNumber)
    .option('--temperature <t>', 'above 0: sample; 0 takes the likeliest token (the default)', fromZero)
    .option('--top-k <k>', 'sample from the k likeliest tokens; 0: from all', wholeNumber)
    .option('--top-p <p>', 'sample from the smallest set of tokens with this probability; 1: all', share)
    .option('--min-p <p>', 'sample, without tokens below this share of the likeliest; 0: all', share)
    .option('--repetition-penalty <p>', 'above 1: tokens seen before become less likely', aboveZero)
    .option('--presence-penalty <p>', 'taken off the score of every token generated before', aNumber)
    .option('--frequency-penalty <p>', 'taken off the score of a token, for each time it was generated', aNumber)
    .option('--logit-bias <id:bias>', 'added to the score of a token, -inf forbids it; may be given again', logitBias)
    .option(
      '--seed <n>',
      'same seed, same text (default: a new one each time, shown by --stats and --json)',
      wholeNumber,
    )
    .option('--stop <text>', 'end before this text; may be given again', collect)
    .option('--stop-ids <list>', 'end after one of these ids', idList)
    .option('--ignore-end', "go on after the model's end-of-text")
    .option('--alternatives <k>', 'with --json: the k likeliest tokens of each step', wholeNumber);
}

/** For the help. */
export const SAMPLING_ABOUT = `Sampling is on with a --temperature above 0, and without one when --top-k, --top-p or --min-p leaves something out (the temperature is
then 1); else the likeliest token is taken each time, which soon repeats itself with small models. What is not given is as the model's
generation_config.json says ('info' shows it): penalties, sampling (do_sample), lengths.`;

export function generationOptions(flags: GenerationFlags): GenerationOptions {
  const given = PASSED_ON.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]);
  return { ...Object.fromEntries(given), signal: interrupt.signal };
}

function logitBias(text: string, before: ReadonlyMap<number, number> = new Map()): Map<number, number> {
  const [, id, bias] = /^(\d+):(.+)$/.exec(text) ?? [];
  if (id === undefined || bias === undefined) throw new InvalidArgumentError('Wanted id:bias, as in 50256:-100.');
  const value = /^-inf(inity)?$/i.test(bias) ? Number.NEGATIVE_INFINITY : aNumber(bias);
  return new Map([...before, [wholeNumber(id), value]]);
}
