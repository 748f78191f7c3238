/** `patch MODEL`: which values carry what tells two prompts apart. */
import type { Command } from 'commander';
import {
  checkBeforeLoad,
  checkInterventions,
  checkPatch,
  type OpenedModel,
  PATCH_OPTIONS,
  type PatchOptions,
  patchActivations,
  patchingReport,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { collect } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { withSteps } from '../steps.ts';
import { positionsArgument, WORD_ABOUT, wordArgument } from '../words.ts';

const FLAGS = {
  against: ['--against <word>', wordArgument],
  measure: '--measure <what>',
  sites: ['--sites <glob>', collect, 'may be given again'],
  positions: ['--positions <list>', positionsArgument, 'as in 0,3,-1'],
  perHead: '--per-head',
  direction: '--direction <which>',
} as const satisfies Parameters<typeof libraryOptions<typeof PATCH_OPTIONS>>[2];

interface PatchFlags extends ModelFlags, ReportFlags, Pick<PatchOptions, keyof typeof FLAGS> {
  readonly clean: string;
  readonly corrupt: string;
  readonly word: string | number;
}

export function addPatch(program: Command): void {
  const model = stateMemoryOption(modelOptions(program.command('patch')))
    .requiredOption('--clean <text>', 'the prompt whose values are carried over')
    .requiredOption('--corrupt <text>', 'the same prompt with another word, of as many tokens')
    .requiredOption('--word <word>', 'the word that is measured after the prompts', wordArgument);
  const command = libraryOptions(model, PATCH_OPTIONS, FLAGS).description(
    'activation patching: one prompt is read with a single value of another, at each site and place in turn; what brings the other prediction back carries it',
  );
  reportOptions(
    command,
    'clean, corrupted, metric, cleanValue, corruptedValue, positions, sites with values and effects',
  )
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau patch granite-tiny --clean 'There was once a girl. One day' --corrupt 'There was once a boy. One day' --word ' she' --against ' he'
  portmanteau patch mamba-tiny --clean 'The girl said that' --corrupt 'The boy said that' --word ' she' --against ' he' --html patch.html
  portmanteau patch backpack-tiny --clean 'The girl said that' --corrupt 'The boy said that' --word ' she' --sites 'blocks.*.z' --per-head

An effect of 0 is the prediction of the prompt that is read, 1 that of the prompt that the value comes from; it may lie beyond both.
${WORD_ABOUT}`),
    )
    .action(patch);
}

async function patch(reference: string, flags: PatchFlags): Promise<void> {
  await checkReport(flags);
  const { clean, corrupt: corrupted } = flags;
  const options = { ...pickOptions(flags, FLAGS), word: flags.word };
  const check = (opened: OpenedModel) => {
    const ids = { clean: checkBeforeLoad(opened, clean), corrupted: checkBeforeLoad(opened, corrupted) };
    const { facts, sites } = opened.model;
    const found = checkPatch({ facts, sites, tokenizer: opened.tokenizer }, ids, options);
    const changes = found.sites.map(({ name: site }) => ({ site, scale: 1 }));
    checkInterventions(opened, changes);
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await withSteps((told) => patchActivations(model, { ...options, ...told, clean, corrupted }));
    const facts = [
      ['model', reference],
      ['clean', clean],
      ['corrupted', corrupted],
    ] as const;
    await tellReport(flags, result, patchingReport(result, facts));
  });
}
