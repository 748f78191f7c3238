/** `senses bias MODEL`: how much likelier one of two words is after sentences about occupations, and what a sense adds to that. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  BIAS_OPTIONS,
  type BiasData,
  biasReport,
  checkSenses,
  joinEdits,
  OCCUPATIONS,
  type OpenedModel,
  UsageError,
  usableData,
} from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { collect, inputFile, textOf } from '../options.ts';
import { printJson } from '../output.ts';
import { tellReport } from '../report.ts';
import { workBar } from '../work.ts';
import { factsOf, type SenseFlags, senseCommand, tokensOf, withSenses } from './common.ts';
import { checkEditOutput, editOutput, writeEdit } from './edit-output.ts';

interface BiasFlags extends SenseFlags {
  readonly sense?: number;
  readonly data?: string;
  readonly words?: string[];
  readonly prompt?: string[];
  readonly fitPrompt?: string[];
  readonly pair?: string[];
  readonly out?: string;
}

export function addBias(senses: Command): void {
  const command = senseCommand(
    senses,
    'bias',
    'sense, original, removed, fitted, withoutEach, words (word, id, original, removed, fitted, factor), dropped, pair',
  ).description(
    'how much likelier one of two words is than the other after sentences about occupations; without a sense; and with factors fitted',
  );
  libraryOptions(command, BIAS_OPTIONS, { sense: '--sense <n>' })
    .option(
      '--data <file>',
      'JSON with words, prompts, fitPrompts, pair (default: those of the Backpack paper)',
      inputFile,
    )
    .option('--words <list>', 'other words, separated by commas', textList)
    .option('--prompt <text>', 'other prompts, with {word} for the word; may be given again', collect)
    .option('--fit-prompt <text>', 'other prompts for fitting factors; may be given again', collect)
    .option('--pair <words>', 'other words to compare, as in he,she', textList);
  editOutput(command, 'save the fitted factors as a file of interventions', false).action(bias);
}

/** `bias-data`: prints the data, to be changed and given to bias. */
export function addBiasData(senses: Command): void {
  senses
    .command('bias-data')
    .description('print the words and prompts of the paper as JSON, for --data of bias')
    .action(() => printJson(OCCUPATIONS));
}

const textList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

async function bias(reference: string, flags: BiasFlags): Promise<void> {
  const data = dataOf(flags);
  await checkEditOutput(flags.out);
  const check = (opened: OpenedModel) => {
    usableData(tokensOf(opened), data);
    if (flags.sense !== undefined) checkSenses(opened.model.senses?.count ?? 0, [flags.sense]);
  };
  await withSenses(reference, flags, { check }, async (model) => {
    const { sense } = flags;
    const work = workBar('reading sentences');
    const found = await model.senses
      .bias({ data, sense, signal: interrupt.signal, onProgress: work.update })
      .finally(work.end);
    const report = biasReport(found, data.pair, factsOf(reference));
    await tellReport(flags, { ...found, pair: data.pair }, report);
    const edits = found.words.map(({ id, factor }) => model.senses.scaled(id, found.sense, factor));
    if (flags.out !== undefined) await writeEdit(flags.out, joinEdits(edits), reference);
  });
}

function dataOf({ data: file, words, prompt, fitPrompt, pair }: BiasFlags): BiasData {
  if (pair && pair.length !== 2) throw new UsageError(`--pair has ${pair.length} words, wanted two, as in he,she.`);
  const given = file === undefined ? OCCUPATIONS : readData(file);
  return {
    words: words ?? given.words,
    prompts: prompt ?? given.prompts,
    fitPrompts: fitPrompt ?? given.fitPrompts,
    pair: (pair as unknown as BiasData['pair']) ?? given.pair,
  };
}

function readData(file: string): BiasData {
  let json: unknown;
  try {
    json = JSON.parse(textOf(readFileSync(file), file));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}.`);
  }
  const given = { ...OCCUPATIONS, ...(json as object) };
  for (const key of ['words', 'prompts', 'fitPrompts', 'pair'] as const)
    if (!Array.isArray(given[key]) || given[key].some((one: unknown) => typeof one !== 'string'))
      throw new UsageError(`${key} of ${file} is no list of texts; 'senses bias-data' prints an example.`);
  if (given.pair.length !== 2) throw new UsageError(`pair of ${file} has ${given.pair.length} words, wanted two.`);
  return given;
}
