/** What the subcommands of `senses` share. */
import type { Command } from 'commander';
import {
  checkHasSenses,
  encodeWord,
  type Model,
  type OpenedModel,
  type Report,
  type WordOption,
} from '../../src/node.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions } from '../model-options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions } from '../report.ts';
import { wordArgument } from '../words.ts';

export interface SenseFlags extends ModelFlags, ReportFlags {}

/** A subcommand of a model, with --json and --html. */
export const senseCommand = (senses: Command, name: string, about: string): Command =>
  reportOptions(modelOptions(senses.command(name)), about);

/** What words in flags and arguments may be, for the help. */
export const WORDS_ABOUT = `A word is taken as it stands within a sentence, with a space in front; digits are the id of a token, and a number in
double quotes, as in '"7"', is a text. Of words that are several tokens the first counts, where nothing else is said.`;

export const wordArguments = (text: string, before: readonly WordOption[] = []): WordOption[] => [
  ...before,
  wordArgument(text),
];

/** `arts,culture` */
export const wordList = (text: string): WordOption[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(wordArgument);

/** The command is refused before weights are loaded when the model has no senses, or cannot read one of these words. */
export async function withSenses<T>(
  reference: string,
  flags: SenseFlags,
  { words = [], check }: { readonly words?: readonly WordOption[]; check?(opened: OpenedModel): void | Promise<void> },
  use: (model: Model) => Promise<T>,
): Promise<T> {
  await checkReport(flags);
  const checked = async (opened: OpenedModel) => {
    checkHasSenses(opened.model);
    checkNotOfModel(flags.html, opened);
    for (const word of words) noteSeveral(encodeWord(tokensOf(opened), word));
    await check?.(opened);
  };
  return withModel(reference, flags, checked, use);
}

export const tokensOf = ({ tokenizer, model }: OpenedModel) => ({ tokenizer, facts: model.facts });

function noteSeveral({ word, pieces }: ReturnType<typeof encodeWord>): void {
  if (pieces.length < 2) return;
  const shown = pieces.map((piece) => JSON.stringify(piece)).join(' ');
  process.stderr.write(`note: '${word}' is ${pieces.length} tokens, ${shown}\n`);
}

export const factsOf = (reference: string, more: Report['facts'] = []): Report['facts'] => [
  ['model', reference],
  ...more,
];
