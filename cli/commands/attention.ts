/** `attention MODEL`: which tokens each head reads at each token. */
import type { Command } from 'commander';
import {
  ATTENTION_OPTIONS,
  type AttentionOptions,
  attentionPatterns,
  attentionReport,
  checkAttention,
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
import { idList, NO_TEXT, promptOf, type TextFlags, textOptions } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { standardInput } from '../standard-input.ts';
import { factsOf } from '../words.ts';

const FLAGS = {
  layers: ['--layers <list>', idList, 'as in 0,1,5'],
  heads: ['--heads <list>', idList, 'as in 0,3'],
} as const satisfies Parameters<typeof libraryOptions<typeof ATTENTION_OPTIONS>>[2];

interface AttentionFlags
  extends ModelFlags,
    TextFlags,
    InterventionFlags,
    ReportFlags,
    Pick<AttentionOptions, keyof typeof FLAGS> {}

export function addAttention(program: Command): void {
  const model = interventionsOption(stateMemoryOption(modelOptions(textOptions(program.command('attention')))));
  const command = libraryOptions(model, ATTENTION_OPTIONS, FLAGS).description(
    'attention patterns: which tokens each head reads at each token, and how spread out that is',
  );
  reportOptions(command, 'tokens, and heads with layer, head, pattern[T][S], entropy[T] in nats')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau attention granite-tiny --text 'The king took his sword'
  portmanteau attention bitnet-tiny --text 'The king took his sword' --layers 0,1 --heads 2 --html attention.html`),
    )
    .action(attention);
}

async function attention(reference: string, flags: AttentionFlags): Promise<void> {
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  await checkReport(flags);
  const interventions = await interventionsOf(flags);
  const options = pickOptions(flags, FLAGS);
  const check = (opened: OpenedModel) => {
    const ids = checkBeforeLoad(opened, prompt);
    checkAttention(opened.model, ids.length, options);
    checkFits(opened, interventions);
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await attentionPatterns(model, prompt, { ...options, interventions, signal: interrupt.signal });
    await tellReport(flags, result, attentionReport(result, factsOf(reference, prompt, flags)));
  });
}
