/** `senses edit | scale | swap MODEL WORD`: edits of senses, saved as files of interventions. */
import type { Command } from 'commander';
import { checkSenses, type Model, type OpenedModel, type SenseEdit, type WordOption } from '../../src/node.ts';
import { type ModelFlags, modelOptions } from '../model-options.ts';
import { aNumber, listOf, wholeNumber } from '../options.ts';
import { wordArgument } from '../words.ts';
import { withSenses } from './common.ts';
import { checkEditOutput, editOutput, writeEdit } from './edit-output.ts';

interface OutFlags extends ModelFlags {
  readonly out: string;
}

interface EditFlags extends OutFlags {
  readonly remove: WordOption;
  readonly add: WordOption;
  readonly strength: number;
}

interface ScaleFlags extends OutFlags {
  readonly sense: number;
  readonly by: number;
}

interface SwapFlags extends OutFlags {
  readonly from: WordOption;
  readonly senses: number[];
}

export function addEdits(senses: Command): void {
  editOutput(of(senses, 'edit'), 'file of interventions to write')
    .description(
      'let a word have to do with another word in place of one: its senses are turned from --remove to --add',
    )
    .requiredOption('--remove <word>', 'what it shall have to do with no more', wordArgument)
    .requiredOption('--add <word>', 'what it shall have to do with instead', wordArgument)
    .option('--strength <s>', 'factor of what is added; 1 is as in the paper', aNumber, 1)
    .action((reference: string, word: WordOption, flags: EditFlags) => {
      const { remove, add, strength } = flags;
      return write(reference, flags, [word, remove, add], [], ({ senses }) =>
        senses.edited({ word, remove, add, strength }),
      );
    });
  editOutput(of(senses, 'scale'), 'file of interventions to write')
    .description('let a sense of a word count more or less')
    .requiredOption('--sense <n>', 'which sense, from 0 on', wholeNumber)
    .requiredOption('--by <factor>', '0 takes the sense away, 1 changes nothing', aNumber)
    .action((reference: string, word: WordOption, flags: ScaleFlags) =>
      write(reference, flags, [word], [flags.sense], async ({ senses }) => senses.scaled(word, flags.sense, flags.by)),
    );
  editOutput(of(senses, 'swap'), 'file of interventions to write')
    .description('give a word some senses of another')
    .requiredOption('--from <word>', 'whose senses', wordArgument)
    .requiredOption('--senses <list>', 'which, as in 7,12', listOf(wholeNumber))
    .action((reference: string, word: WordOption, flags: SwapFlags) =>
      write(reference, flags, [word, flags.from], flags.senses, ({ senses }) =>
        senses.swapped({ word, from: flags.from, senses: flags.senses }),
      ),
    );
}

const of = (senses: Command, name: string): Command =>
  modelOptions(senses.command(name)).argument('<word>', 'the word that is changed', wordArgument);

async function write(
  reference: string,
  flags: OutFlags,
  words: readonly WordOption[],
  senses: readonly number[],
  make: (model: Model) => Promise<SenseEdit>,
): Promise<void> {
  await checkEditOutput(flags.out);
  const check = ({ model }: OpenedModel) => checkSenses(model.senses?.count ?? 0, senses);
  await withSenses(reference, flags, { words, check }, async (model) =>
    writeEdit(flags.out, await make(model), reference),
  );
}
