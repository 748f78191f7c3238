/** `senses lookup MODEL WORDS...`: what each sense of a word predicts and refuses. */
import type { Command } from 'commander';
import {
  checkSenses,
  LOOKUP_OPTIONS,
  type Lookup,
  type LookupOptions,
  lookupReport,
  type WordOption,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { listOf, wholeNumber } from '../options.ts';
import { tellReport } from '../report.ts';
import { factsOf, type SenseFlags, senseCommand, withSenses, wordArguments } from './common.ts';

interface LookupFlags extends SenseFlags, Pick<LookupOptions, 'top' | 'senses' | 'piece'> {}

export function addLookup(senses: Command): void {
  const command = senseCommand(senses, 'lookup', 'words, each with word, ids, pieces, id, senses (sense, top, bottom)')
    .description('the tokens that each sense of a word makes likelier and less likely, with logits')
    .argument('<words...>', 'words', wordArguments);
  libraryOptions(command, LOOKUP_OPTIONS, {
    top: '--top <n>',
    senses: ['--senses <list>', listOf(wholeNumber), 'as in 3,5'],
    piece: '--piece <n>',
  }).action(lookup);
}

async function lookup(reference: string, words: readonly WordOption[], flags: LookupFlags): Promise<void> {
  const check = ({ model }: { model: { senses?: { count: number } } }) =>
    checkSenses(model.senses?.count ?? 0, flags.senses ?? []);
  await withSenses(reference, flags, { words, check }, async (model) => {
    const found: Lookup[] = [];
    for (const word of words)
      found.push(
        await model.senses.lookup(word, {
          ...pickOptions(flags, { top: 1, senses: 1, piece: 1 }),
          signal: interrupt.signal,
        }),
      );
    await tellReport(flags, { words: found }, lookupReport(found, factsOf(reference)));
  });
}
