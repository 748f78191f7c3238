/** `ssm`: what state space layers read, pass over and remember. */
import type { Command } from 'commander';
import {
  checkChannels,
  checkLogitSources,
  checkTransplant,
  EFFECTIVE_ATTENTION_OPTIONS,
  effectiveAttention,
  effectiveAttentionReport,
  encodePrompt,
  LOGIT_SOURCES_OPTIONS,
  logitSources,
  logitSourcesReport,
  MEMORY_SPANS_OPTIONS,
  memorySpans,
  normsReport,
  type OpenedModel,
  scansOf,
  spansReport,
  stateNorms,
  stepSizes,
  stepsReport,
  TRANSPLANT_OPTIONS,
  transplantReport,
  transplantState,
  UsageError,
} from '../../src/node.ts';
import { type AnalysisFlags, analyse, analysisCommand } from '../analysis.ts';
import { helpText } from '../help-text.ts';
import { libraryOptions } from '../library-options.ts';
import { modelOptions, stateMemoryOption } from '../model-options.ts';
import { listOf, textOptions, wholeNumber } from '../options.ts';
import { reportOptions } from '../report.ts';
import { positionArgument, WORD_ABOUT, wordArgument } from '../words.ts';

const checkScans = ({ layers }: AnalysisFlags) => {
  return ({ model }: OpenedModel): void => void scansOf(model, layers);
};

export function addSsm(program: Command): void {
  const ssm = program
    .command('ssm')
    .description('what state space layers (Mamba) read, pass over and remember')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau ssm steps mamba-tiny --text 'The old king had three sons, and the youngest was called'
  portmanteau ssm attention mamba-tiny --text 'The old king had three sons' --layers 5 --html attention.html
  portmanteau ssm sources mamba-tiny --text 'Once upon a time there was a' --word ' little' --against ' great'
  portmanteau ssm transplant mamba-tiny --text 'The king was angry with his son, and then' --from-text 'The girl was afraid of her mother, and'
  portmanteau ssm spans mamba-tiny --text-file story.txt
  portmanteau ssm state mamba-tiny --text 'Once upon a time there was a little girl.'

Models without such layers are told so before their weights are read.`),
    );
  analysisCommand(ssm, 'steps', 'tokens, layers with mean and relative step sizes of each token, and their mean')
    .description('the step size of each token in each layer: what is read and what is passed over')
    .action((reference: string, flags: AnalysisFlags) =>
      analyse(reference, flags, {
        check: checkScans(flags),
        run: (model, prompt, told) => stepSizes(model, prompt, { ...told, layers: flags.layers }),
        report: stepsReport,
      }),
    );
  addAttention(ssm);
  addSpans(ssm);
  addSources(ssm);
  addTransplant(ssm);
  analysisCommand(ssm, 'state', 'tokens, and layers with the norm of the state after each')
    .description('the norm of the state of each layer over time')
    .action((reference: string, flags: AnalysisFlags) =>
      analyse(reference, flags, {
        check: checkScans(flags),
        run: (model, prompt, told) => stateNorms(model, prompt, { ...told, layers: flags.layers }),
        report: normsReport,
      }),
    );
}

function addAttention(ssm: Command): void {
  const attention = analysisCommand(
    ssm,
    'attention',
    'tokens, and layers with [T][T] weights: signed and absolute means over channels, and chosen channels',
  );
  libraryOptions(attention, EFFECTIVE_ATTENTION_OPTIONS, {
    channels: ['--channels <list>', listOf(wholeNumber), 'as in 0,17'],
  })
    .description('the attention that is hidden in the scans: how much of each earlier token a token reads')
    .action((reference: string, { channels, ...flags }: AnalysisFlags & { channels?: number[] }) =>
      analyse(reference, flags, {
        check: ({ model }) => void checkChannels(model, channels ?? [], flags.layers),
        run: (model, prompt, told) => effectiveAttention(model, prompt, { ...told, layers: flags.layers, channels }),
        report: effectiveAttentionReport,
      }),
    );
}

interface SourcesFlags extends AnalysisFlags {
  readonly word: string | number;
  readonly against?: string | number;
  readonly position?: number;
}

function addSources(ssm: Command): void {
  const command = stateMemoryOption(modelOptions(textOptions(ssm.command('sources'))));
  command.requiredOption('--word <word>', 'the word whose logit is taken apart', wordArgument);
  libraryOptions(command, LOGIT_SOURCES_OPTIONS, {
    against: ['--against <word>', wordArgument],
    position: ['--position <n>', positionArgument],
  });
  reportOptions(
    command,
    'tokens, word, logit, embed, layers with sources, skip, rest; sources summed over layers; rest',
  )
    .description('how much of the logit of a word comes from each earlier token, through the scans of all layers')
    .addHelpText('after', helpText(`\n${WORD_ABOUT}`))
    .action((reference: string, { word, against, position, ...flags }: SourcesFlags) => {
      const options = { word, against, position };
      return analyse(reference, flags, {
        check({ model, tokenizer }, prompt) {
          const { sites, parameters, facts, residualStream } = model;
          const tokens = encodePrompt({ tokenizer }, prompt).length;
          checkLogitSources({ sites, parameters, facts, residualStream, tokenizer }, tokens, options);
        },
        run: (model, prompt, told) => logitSources(model, prompt, { ...told, ...options }),
        report: logitSourcesReport,
      });
    });
}

interface TransplantFlags extends AnalysisFlags {
  readonly fromText?: string;
  readonly at?: number;
  readonly keepWindow?: boolean;
  readonly top?: number;
}

function addTransplant(ssm: Command): void {
  const command = analysisCommand(ssm, 'transplant', 'tokens, at, layers, and predictions with state, top, klFromOwn');
  command.option('--from-text <text>', 'the text whose state is taken; without one, the state is only emptied');
  libraryOptions(command, TRANSPLANT_OPTIONS, {
    at: ['--at <n>', positionArgument],
    keepWindow: '--keep-window',
    top: '--top <k>',
  })
    .description('what comes after a text when its state is emptied, or that of another text is put in its place')
    .action((reference: string, { fromText: from, at, keepWindow, top, ...flags }: TransplantFlags) => {
      const options = { from, at, keepWindow, top, layers: flags.layers };
      return analyse(reference, flags, {
        check({ model, tokenizer }, prompt) {
          checkTransplant(model, encodePrompt({ tokenizer }, prompt).length, options);
          if (from === '') throw new UsageError('--from-text is empty; give at least one character.');
        },
        run: (model, prompt, { signal }) => transplantState(model, prompt, { ...options, signal }),
        report: (result, facts) =>
          transplantReport(result, from === undefined ? facts : [...facts, ['state of', from]]),
      });
    });
}

function addSpans(ssm: Command): void {
  const spans = analysisCommand(
    ssm,
    'spans',
    'layers with the half-life of each channel in tokens, quantiles, and the longest',
  );
  libraryOptions(spans, MEMORY_SPANS_OPTIONS, { top: '--top <k>' })
    .description('how long each channel remembers: half-lives in tokens, at the mean step size of a text')
    .action((reference: string, { top, ...flags }: AnalysisFlags & { top?: number }) =>
      analyse(reference, flags, {
        check: checkScans(flags),
        run: (model, prompt, told) => memorySpans(model, prompt, { ...told, layers: flags.layers, top }),
        report: spansReport,
      }),
    );
}
