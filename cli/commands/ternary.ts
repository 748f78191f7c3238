/** `ternary`: what 1.58-bit layers hold, and what they lose. */
import type { Command } from 'commander';
import {
  ACTIVATION_ERRORS_OPTIONS,
  activationErrors,
  activationsReport,
  checkTernary,
  openOriginalWeights,
  openPretrained,
  roundedSites,
  ternaryDistance,
  ternaryMatrices,
  ternaryReport,
  ternaryWeights,
} from '../../src/node.ts';
import { type AnalysisFlags, analyse, analysisCommand, windowOption } from '../analysis.ts';
import { helpText } from '../help-text.ts';
import { libraryOptions } from '../library-options.ts';
import { withProgress } from '../load.ts';
import { configOption, hubOptions, type ModelFlags } from '../model-options.ts';
import { modelArgument, modelReference } from '../options.ts';
import { checkNotOfModel } from '../output-file.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';
import { withSteps } from '../steps.ts';

export function addTernary(program: Command): void {
  const ternary = program
    .command('ternary')
    .description('what 1.58-bit layers hold, and what rounding costs them')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau ternary weights bitnet-tiny
  portmanteau ternary weights HF1BitLLM/Llama3-8B-1.58-100B-tokens --original meta-llama/Meta-Llama-3-8B-Instruct
  portmanteau ternary activations bitnet-tiny --text 'Once upon a time there was a little girl.' --html activations.html

'weights' reads one matrix after another from the files, some megabytes at a time; the model is not loaded.`),
    );
  reportOptions(
    configOption(hubOptions(modelArgument(ternary.command('weights')))),
    'matrices with shares, entropy in bits, scale, stored bits; total; `distances` with --original',
  )
    .description('shares of -1, 0 and 1, scale and entropy of each ternary matrix, and how far it is from an original')
    .option(
      '--original <model>',
      'also the distance to this model, of plain weights: a folder or a hub id',
      modelReference,
    )
    .action(weights);
  const activations = windowOption(
    analysisCommand(ternary, 'activations', 'sites with error, worst token, share lost, and outlier channels'),
  );
  libraryOptions(activations, ACTIVATION_ERRORS_OPTIONS, { top: '--top <k>' })
    .description(
      'what rounding to int8 costs the inputs of ternary layers over a text, and which channels are outliers',
    )
    .action((reference: string, { top, ...flags }: AnalysisFlags & { top?: number }) =>
      analyse(reference, flags, {
        check: ({ model }) => void roundedSites(model, flags.layers),
        run: (model, prompt, told) =>
          activationErrors(model, prompt, { ...told, layers: flags.layers, window: flags.window, top }),
        report: activationsReport,
      }),
    );
}

interface WeightsFlags extends ModelFlags, ReportFlags {
  readonly original?: string;
}

async function weights(reference: string, { original, ...flags }: WeightsFlags): Promise<void> {
  await checkReport(flags);
  await withProgress('pulling', flags, async (options) => {
    const opened = await openPretrained(reference, options);
    try {
      checkNotOfModel(flags.html, opened);
      const matrices = ternaryMatrices(opened);
      checkTernary(matrices);
      const other = original === undefined ? undefined : await openOriginalWeights(original, opened, options);
      try {
        const found = await withSteps((told) => ternaryWeights(matrices, told));
        const distances = other && (await withSteps((told) => ternaryDistance(matrices, other, told)));
        const facts = [
          ['model', reference] as const,
          ...(original === undefined ? [] : [['original', original] as const]),
        ];
        const result = distances ? { ...found, distances } : found;
        await tellReport(flags, result, ternaryReport(found, distances, facts));
      } finally {
        await other?.close();
      }
    } finally {
      await opened.checkpoint.close();
    }
  });
}
