/** `train plot RUN`: the figures of a run that has ended or goes on. */
import { type Command, InvalidArgumentError } from 'commander';
import { readRun, trainingReport, trainingSummary } from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { outputFile } from '../options.ts';
import { checkReport, type ReportFlags, reportOptions, tellReport } from '../report.ts';

export function addPlot(train: Command): void {
  reportOptions(train.command('plot'), 'steps, loss, meanLoss, best, tokens, seconds')
    .argument('<run>', 'folder of a run, or its file of metrics')
    .description('how a run went, or goes: losses, rates, norms, load of experts')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau train plot my-model --html my-model.html`),
    )
    .action(plot);
}

async function plot(run: string, flags: ReportFlags): Promise<void> {
  await checkReport(flags);
  const { history, facts } = readRun(run);
  await tellReport(flags, trainingSummary(history), trainingReport(history, facts));
}

/** A page that is written again and again needs a file. */
export function plotFile(path: string): string {
  if (path === '-') throw new InvalidArgumentError('Wanted the name of a file: the page is written again and again.');
  return outputFile(path);
}
