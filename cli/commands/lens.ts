/** `lens MODEL`: what a model would predict if it ended after an earlier layer (logit lens). */
import type { Command } from 'commander';
import {
  checkBeforeLoad,
  checkLens,
  checkReadoutInterventions,
  LENS_OPTIONS,
  type LensOptions,
  lensReport,
  logitLens,
  type OpenedModel,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from '../model-options.ts';
import { collect, idList, NO_TEXT, promptOf, type TextFlags, textOptions } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { standardInput } from '../standard-input.ts';
import { factsOf, positionsArgument, WORD_ABOUT, wordArgument } from '../words.ts';

const FLAGS = {
  word: ['--word <word>', wordArgument],
  top: '--top <k>',
  positions: ['--positions <list>', positionsArgument, 'as in 0,3,-1'],
  layers: ['--layers <list>', idList, 'as in 0,1,5'],
  sites: ['--sites <glob>', collect, 'as in blocks.*.residMid; may be given again'],
} as const satisfies Parameters<typeof libraryOptions<typeof LENS_OPTIONS>>[2];

interface LensFlags
  extends ModelFlags,
    TextFlags,
    InterventionFlags,
    ReportFlags,
    Pick<LensOptions, keyof typeof FLAGS> {}

export function addLens(program: Command): void {
  const model = interventionsOption(stateMemoryOption(modelOptions(textOptions(program.command('lens')))));
  const command = libraryOptions(model, LENS_OPTIONS, FLAGS).description(
    'logit lens: which words the model would predict if it ended after an earlier layer',
  );
  reportOptions(
    command,
    'tokens, positions, word, sites, and readings[site][position] with top, klFromFinal, entropy, word',
  )
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau lens granite-tiny --text 'The king and the' --word ' queen'
  portmanteau lens mamba-tiny --text 'Once upon a' --html lens.html
  portmanteau lens ./my-model --ids 1,2,3 --positions 0,-1 --top 10 --json

The final norm and the head read the residual stream after each block. Where sense weights are made of it (Backpack), the rest of the model
reads the layer in the place of the last one. The table is of the last token, unless --positions names others; a page has all.
${WORD_ABOUT}
KL is that of the final distribution from the site's, in nats; rank 1 is the most likely word.`),
    )
    .action(lens);
}

async function lens(reference: string, flags: LensFlags): Promise<void> {
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  await checkReport(flags);
  const interventions = await interventionsOf(flags);
  const options = pickOptions(flags, FLAGS);
  const check = (opened: OpenedModel) => {
    const ids = checkBeforeLoad(opened, prompt);
    checkLens({ ...opened.model, tokenizer: opened.tokenizer }, ids.length, options);
    if (interventions) checkReadoutInterventions(opened, ids.length, interventions);
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, check, async (model) => {
    const result = await logitLens(model, prompt, { ...options, interventions, signal: interrupt.signal });
    await tellReport(flags, result, lensReport(result, factsOf(reference, prompt, flags)));
  });
}
