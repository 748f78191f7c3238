/** `ablate MODEL`: what a prediction loses when a part of the model is silent. */
import type { Command } from 'commander';
import {
  ABLATE_OPTIONS,
  type AblateOptions,
  ablate as ablateParts,
  ablationReport,
  checkAblate,
  checkBeforeLoad,
  checkInterventions,
  type OpenedModel,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { collect, NO_TEXT, promptOf, type TextFlags, textOptions } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { standardInput } from '../standard-input.ts';
import { withSteps } from '../steps.ts';
import { textList } from '../text-list.ts';
import { factsOf, WORD_ABOUT, wordArgument } from '../words.ts';

const FLAGS = {
  word: ['--word <word>', wordArgument, 'default: the mean log-probability of the text'],
  against: ['--against <word>', wordArgument],
  measure: '--measure <what>',
  sites: ['--sites <glob>', collect, 'may be given again'],
  perHead: '--per-head',
  by: '--by <how>',
  corpus: ['--corpus <file>', textList, 'one a line, or .jsonl'],
} as const satisfies Parameters<typeof libraryOptions<typeof ABLATE_OPTIONS>>[2];

interface AblateFlags extends ModelFlags, TextFlags, ReportFlags, Pick<AblateOptions, keyof typeof FLAGS> {}

export function addAblate(program: Command): void {
  const model = stateMemoryOption(modelOptions(textOptions(program.command('ablate'))));
  const command = libraryOptions(model, ABLATE_OPTIONS, FLAGS).description(
    'ablation: silence each part of the model in turn, and report the change of the prediction',
  );
  reportOptions(command, 'tokens, metric, by, value, and parts with site, head, value, change')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau ablate granite-tiny --text 'There was once a girl. One day' --word ' she' --against ' he'
  portmanteau ablate granite-tiny --text 'Once upon a time there was a king' --sites 'blocks.*.z' --per-head --html heads.html
  portmanteau ablate mamba-tiny --text-file story.txt --by mean --corpus texts.txt --json

${WORD_ABOUT}`),
    )
    .action(ablate);
}

async function ablate(reference: string, flags: AblateFlags): Promise<void> {
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  await checkReport(flags);
  const options = pickOptions(flags, FLAGS);
  const check = (opened: OpenedModel) => {
    const ids = checkBeforeLoad(opened, prompt);
    const { facts, sites } = opened.model;
    const found = checkAblate({ facts, sites, tokenizer: opened.tokenizer }, ids, options);
    const changes = found.sites.map(({ name: site }) => ({ site, scale: 0 }));
    checkInterventions(opened, changes);
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await withSteps((told) => ablateParts(model, prompt, { ...options, ...told }));
    await tellReport(flags, result, ablationReport(result, factsOf(reference, prompt)));
  });
}
