/** `attribute MODEL`: what every part of a model adds to the logit of a word. */
import type { Command } from 'commander';
import {
  ATTRIBUTION_OPTIONS,
  type AttributionOptions,
  attributeLogit,
  attributionReport,
  checkAttribution,
  checkBeforeLoad,
  type OpenedModel,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { NO_TEXT, promptOf, type TextFlags, textOptions } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { standardInput } from '../standard-input.ts';
import { factsOf, positionArgument, WORD_ABOUT, wordArgument } from '../words.ts';

const FLAGS = {
  against: ['--against <word>', wordArgument],
  position: ['--position <n>', positionArgument],
  perHead: '--per-head',
} as const satisfies Parameters<typeof libraryOptions<typeof ATTRIBUTION_OPTIONS>>[2];

interface AttributeFlags
  extends ModelFlags,
    TextFlags,
    InterventionFlags,
    ReportFlags,
    Pick<AttributionOptions, keyof typeof FLAGS> {
  readonly word: string | number;
}

export function addAttribute(program: Command): void {
  const model = interventionsOption(stateMemoryOption(modelOptions(textOptions(program.command('attribute')))));
  model.requiredOption('--word <word>', 'the word whose logit is taken apart', wordArgument);
  const command = libraryOptions(model, ATTRIBUTION_OPTIONS, FLAGS).description(
    'direct logit attribution: what the embedding, each block and each head add to the logit of a word, or to the difference of two',
  );
  reportOptions(command, 'tokens, position, word, against, logit, and parts with site, logit, heads; bias; rest')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau attribute granite-tiny --text 'The king and the' --word ' queen' --per-head
  portmanteau attribute mamba-tiny --text 'Once upon a time there was a' --word ' little' --against ' great' --html parts.html
  portmanteau attribute ./my-model --ids 1,2,3 --word 17 --position 0 --json

${WORD_ABOUT}
The final norm is taken as the linear map that it is at this place, so that the parts sum to the logit. A model whose head reads a sum of
sense vectors (Backpack) has no such parts: 'portmanteau senses' takes its logits apart.`),
    )
    .action(attribute);
}

async function attribute(reference: string, flags: AttributeFlags): Promise<void> {
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  await checkReport(flags);
  const interventions = await interventionsOf(flags);
  const options = { ...pickOptions(flags, FLAGS), word: flags.word };
  const check = (opened: OpenedModel) => {
    const ids = checkBeforeLoad(opened, prompt);
    const { facts, residualStream } = opened.model;
    checkAttribution({ facts, residualStream, tokenizer: opened.tokenizer }, ids.length, options);
    checkFits(opened, interventions);
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await attributeLogit(model, prompt, { ...options, interventions, signal: interrupt.signal });
    await tellReport(flags, result, attributionReport(result, factsOf(reference, prompt, flags)));
  });
}
