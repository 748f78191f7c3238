/** What commands that analyse a model reading a text have in common: flags, checks before weights are loaded, progress, and how results are told. */
import type { Command } from 'commander';
import { type Model, type OpenedModel, type Prompt, type Report, ROUTING_OPTIONS, windowsOf } from '../src/node.ts';
import { libraryOptions } from './library-options.ts';
import { withModel } from './load.ts';
import { type ModelFlags, modelOptions, stateMemoryOption } from './model-options.ts';
import { listOf, NO_TEXT, promptOf, type TextFlags, textOptions, wholeNumber } from './options.ts';
import { checkNotOfModel } from './output-file.ts';
import { checkReport, type ReportFlags, reportOptions, reportText, tellReport } from './report.ts';
import { standardInput } from './standard-input.ts';
import { type Told, withSteps } from './steps.ts';
import { factsOf } from './words.ts';

export interface AnalysisFlags extends ModelFlags, TextFlags, ReportFlags {
  readonly layers?: number[];
  readonly window?: number;
}

/** A subcommand that takes a model, a text and layers; `about`: what is in the object of --json. */
export function analysisCommand(parent: Command, name: string, about: string): Command {
  const command = stateMemoryOption(modelOptions(textOptions(parent.command(name))));
  libraryOptions(command, ROUTING_OPTIONS, { layers: ['--layers <list>', listOf(wholeNumber), 'as in 0,3'] });
  return reportOptions(command, about);
}

/** For analyses that read a text in windows where it is longer than the context. */
export const windowOption = (command: Command): Command =>
  libraryOptions(command, ROUTING_OPTIONS, { window: '--window <n>' });

export interface Analysis<T extends object> {
  /** Throws UsageError on what the model does not have, before its weights are loaded. */
  check(opened: OpenedModel, prompt: Prompt): void;
  run(model: Model, prompt: Prompt, told: Told): Promise<T>;
  report(result: T, facts: Report['facts']): Report;
  /** How many of the figures of the report, from the first on, the terminal shows; default: all. */
  readonly shown?: number;
}

/** Reads the text, checks, loads, analyses, and tells. */
export async function analyse<T extends object>(
  reference: string,
  flags: AnalysisFlags,
  { check, run, report, shown }: Analysis<T>,
): Promise<void> {
  await checkReport(flags);
  const prompt = promptOf(flags) ?? (await standardInput(NO_TEXT));
  const checked = (opened: OpenedModel) => {
    check(opened, prompt);
    windowsOf(opened, prompt, { window: flags.window });
    checkNotOfModel(flags.html, opened);
  };
  await withModel(reference, flags, checked, async (model) => {
    const result = await withSteps((told) => run(model, prompt, told));
    const made = report(result, factsOf(reference, prompt));
    await tellReport(flags, result, made, () => reportText({ ...made, figures: made.figures.slice(0, shown) }));
  });
}
