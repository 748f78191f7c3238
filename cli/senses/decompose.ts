/** `senses decompose MODEL`: a logit, or the difference of two, as a sum over senses and tokens. */
import type { Command } from 'commander';
import {
  checkBeforeLoad,
  DECOMPOSE_OPTIONS,
  decompositionReport,
  encodePrompt,
  type OpenedModel,
  positionIn,
  UsageError,
  type WordOption,
} from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { aNumber, NO_TEXT, promptOf, type TextFlags, textOptions } from '../options.ts';
import { tellReport } from '../report.ts';
import { standardInput } from '../standard-input.ts';
import { wordArgument } from '../words.ts';
import { factsOf, type SenseFlags, senseCommand, withSenses } from './common.ts';

interface DecomposeFlags extends SenseFlags, TextFlags {
  readonly word?: WordOption;
  readonly against?: WordOption;
  readonly position?: number;
}

export function addDecompose(senses: Command): void {
  const command = textOptions(
    senseCommand(
      senses,
      'decompose',
      'ids, pieces, position, target, against, logit, sum, parts [sense][position], bySense, byToken',
    ),
  ).description('what each sense of each token adds to the logit of a word, or to the difference of two');
  libraryOptions(command, DECOMPOSE_OPTIONS, {
    word: ['--word <word>', wordArgument],
    against: ['--against <word>', wordArgument],
    position: ['--position <n>', aNumber],
  }).action(decompose);
}

async function decompose(reference: string, flags: DecomposeFlags): Promise<void> {
  const { word, against, position } = flags;
  if (word === undefined) throw new UsageError('there is no word whose logit is to be taken apart: give --word.');
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  const words = against === undefined ? [word] : [word, against];
  const check = (opened: OpenedModel) => {
    checkBeforeLoad(opened, prompt);
    positionIn(encodePrompt(opened, prompt).length, position);
  };
  await withSenses(reference, flags, { words, check }, async (model) => {
    const found = await model.senses.decompose(prompt, { word, against, position, signal: interrupt.signal });
    const facts = factsOf(reference, [['text', found.pieces.join('')]]);
    await tellReport(
      flags,
      found,
      decompositionReport(
        found,
        words.map((one) => `'${one}'`),
        facts,
      ),
    );
  });
}
