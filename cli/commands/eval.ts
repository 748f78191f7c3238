/** `eval MODEL`: evaluates a model on tasks as lm-evaluation-harness does. */
import { type Command, InvalidArgumentError } from 'commander';
import {
  ANSWER_OPTIONS,
  checkOutput,
  checkQueue,
  checkWeightFormat,
  EVALUATION_OPTIONS,
  type EvaluationResults,
  evaluatePrepared,
  type FailedRequest,
  type InterventionSet,
  type Model,
  type OpenedEvaluation,
  type OpenedModel,
  PRETRAINED_OPTIONS,
  type PreparedEvaluation,
  prepareEvaluation,
  presetNamed,
  presets,
  QUEUE_OPTIONS,
  UsageError,
  type WeightFormat,
} from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { addCompare } from '../eval/compare.ts';
import { addList } from '../eval/list.ts';
import { evaluationBar } from '../eval/progress.ts';
import { publishedTable } from '../eval/published.ts';
import { resultTable } from '../eval/table.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { type CheckedModel, openChecked } from '../load.ts';
import { configOption, hubOptions, loadOptions, type ModelFlags, stateMemoryOption } from '../model-options.ts';
import { collectList, jsonOption, MODEL_ABOUT, modelReference, textThat, wholeNumber } from '../options.ts';
import { progressBar } from '../progress.ts';

interface EvalFlags extends AdapterFlags, InterventionFlags, Omit<ModelFlags, 'weights'> {
  readonly tasks?: readonly string[];
  readonly preset?: string;
  readonly includePath?: string;
  readonly numFewshot?: number;
  readonly limit?: number;
  readonly seed?: number | readonly number[];
  readonly outputPath?: string;
  readonly logSamples?: boolean;
  readonly resume?: boolean;
  readonly weights?: readonly WeightFormat[];
  readonly url?: string;
  readonly batch?: number;
  readonly softmaxDtype?: 'f32' | 'bf16';
  readonly maxLength?: number;
  readonly json?: boolean;
}

export function addEval(program: Command): void {
  const command = program
    .command('eval')
    .argument('[model]', MODEL_ABOUT, modelReference)
    .description('evaluate a model on tasks, with the numbers of lm-evaluation-harness');
  libraryOptions(command, EVALUATION_OPTIONS, {
    tasks: ['--tasks <names>', collectList, 'separated by commas; may be given again'],
    numFewshot: '--num-fewshot <n>',
    limit: '--limit <n>',
    seed: ['--seed <n>', seedList],
  });
  command
    .option(
      '--preset <name>',
      `the tasks of a model card, with its numbers beside: ${presets.map(({ name }) => name).join(', ')}`,
    )
    .option('--include-path <dir>', 'task files of your own: a folder, or a file; they replace tasks of the same name')
    .option('--log-samples', 'also write what was asked and answered, a file for each task')
    .option(
      '--output-path <dir>',
      'write the results into this folder, under the name of the model; answers are kept there meanwhile',
    )
    .option('--resume', 'go on with a run that was stopped or killed, with the same options')
    .option(
      '--weights <formats>',
      'format of the weights in memory; of several, separated by commas, each is evaluated (default: auto)',
      formats,
    );
  libraryOptions(command, ANSWER_OPTIONS, { softmaxDtype: '--softmax-dtype <type>', maxLength: '--max-length <n>' });
  libraryOptions(command, PRETRAINED_OPTIONS, { keyValues: '--key-values <format>' });
  libraryOptions(command, QUEUE_OPTIONS, {
    url: ['--queue <url>', textThat(QUEUE_OPTIONS.url)],
    batch: '--queue-batch <n>',
  });
  adapterOption(interventionsOption(stateMemoryOption(loadOptions(configOption(hubOptions(command))))));
  jsonOption(command, 'the results, as in the file; of several formats, each under its name')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau eval granite-tiny --tasks arc_easy --limit 100
  portmanteau eval ./my-mamba --tasks hellaswag,piqa --output-path results --log-samples
  portmanteau eval ./my-mamba --tasks hellaswag,piqa --output-path results --log-samples --resume
  portmanteau eval granite-tiny --tasks my_task --include-path ./my-tasks --weights f32,q8,q4
  portmanteau eval granite-tiny --tasks arc_easy --queue redis://localhost:6379
  portmanteau eval ls

Task files are those of the harness (YAML); docs/evaluation.md tells what they may say. Ctrl-C keeps the answers so far in the folder of
--output-path, from which --resume goes on. A request that fails is told and left out with its document; the exit code is then 1.
With --queue, the requests are answered by 'portmanteau worker' on any number of machines.`),
    )
    .action(run);
  addList(command);
  addCompare(command);
}

async function run(reference: string | undefined, flags: EvalFlags): Promise<void> {
  if (reference === undefined)
    throw new UsageError(
      "eval needs a model, as in 'portmanteau eval granite-tiny --tasks arc_easy'; 'eval ls' lists the tasks.",
    );
  const wanted = flags.weights ?? [undefined];
  const interventions = await interventionsOf(flags);
  const preset = flags.preset === undefined ? undefined : presetNamed(flags.preset);
  if (flags.tasks === undefined && !preset)
    throw new UsageError("eval needs --tasks; 'portmanteau eval ls' lists them.");
  checkOutput(flags);
  if (flags.url !== undefined) await checkQueue(flags.url);
  // What is wrong with the model is told before data is downloaded.
  const models: CheckedModel[] = [];
  try {
    for (const weights of wanted)
      models.push(await openChecked(reference, { ...flags, weights }, checkOf(flags, interventions)));
    await evaluateAll(reference, models, interventions, preset, flags);
  } finally {
    for (const model of models) await model.close();
  }
}

/** `models`: one for each format of the weights. */
async function evaluateAll(
  reference: string,
  models: readonly CheckedModel[],
  interventions: InterventionSet | undefined,
  preset: ReturnType<typeof presetNamed> | undefined,
  flags: EvalFlags,
): Promise<void> {
  const { tasks = [], includePath, numFewshot, limit, seed } = flags;
  const bar = progressBar('downloading data sets');
  const prepared = await prepareEvaluation({
    ...{ includePath, numFewshot, limit, seed },
    tasks: preset ? [preset.name, ...tasks] : tasks,
    group: preset,
    mmluDescriptionNewlines: preset?.mmluDescriptionNewlines,
    hub: {
      signal: interrupt.signal,
      onProgress: ({ loaded, total, file }) => bar.update(loaded, total, file),
      onWarning: (message) => bar.warn(message),
    },
  }).finally(() => bar.end());
  tellData(prepared);
  const found: Record<string, EvaluationResults> = {};
  for (const [i, model] of models.entries()) {
    const weights = flags.weights?.[i];
    const results = await runOne(reference, model, prepared, interventions, flags, weights);
    found[weights ?? 'auto'] = results;
    if (flags.json) continue;
    process.stdout.write(told(results, models.length > 1 ? weights : undefined));
    if (preset) process.stdout.write(`\n${publishedTable(preset, results)}`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(models.length > 1 ? found : Object.values(found)[0])}\n`);
}

const checkOf = (flags: EvalFlags, interventions: InterventionSet | undefined) => async (opened: OpenedModel) => {
  checkFits(opened, interventions);
  await checkAdapter(opened, flags);
};

async function runOne(
  reference: string,
  checked: CheckedModel,
  prepared: PreparedEvaluation,
  interventions: InterventionSet | undefined,
  flags: EvalFlags,
  weights: WeightFormat | undefined,
): Promise<EvaluationResults> {
  const several = (flags.weights?.length ?? 0) > 1;
  const bar = evaluationBar(several ? `evaluating ${weights}` : 'evaluating');
  const work = async (model: Model) => {
    const { softmaxDtype, maxLength, outputPath, resume, logSamples, seed, url, batch } = flags;
    const truncated = new Set<number>();
    const { results, failures, files } = await evaluatePrepared(model, prepared, {
      ...{ softmaxDtype, maxLength, outputPath, resume, logSamples, seed, interventions },
      adapter: await adapterOf(model, flags),
      queue: url === undefined ? undefined : { url, batch, onNote: (message) => bar.tell(`note: ${message}`) },
      signal: interrupt.signal,
      modelName: several ? `${reference}__${weights}` : reference,
      record: { adapter: flags.adapter, interventions: flags.interventions, weights },
      onProgress: ({ done, total, means }) => bar.update(done, total, means),
      onTruncated: (index) => truncated.add(index),
    });
    bar.end();
    if (truncated.size > 0)
      process.stderr.write(
        `note: ${truncated.size} requests are longer than the model reads, and lost their beginning\n`,
      );
    tellFailures(failures);
    for (const file of files) process.stderr.write(`wrote ${file}\n`);
    return results;
  };
  try {
    return await checked.use(work);
  } catch (error) {
    bar.end();
    if (interrupt.signal.aborted && flags.outputPath !== undefined)
      process.stderr.write('stopped; the answers so far are kept: the same command with --resume goes on\n');
    throw error;
  } finally {
    bar.end();
  }
}

/** Each data set with its licence, once. */
function tellData({ data }: OpenedEvaluation): void {
  const lines = [...data.values()].map(({ source, licence }) => `${source}, licence: ${licence ?? 'not known'}`);
  for (const line of new Set(lines)) process.stderr.write(`data: ${line}\n`);
}

/** More failures are counted only. */
const MOST_FAILURES = 5;

function tellFailures(failures: readonly FailedRequest[]): void {
  if (failures.length === 0) return;
  process.exitCode = 1;
  for (const { task, docId, error } of failures.slice(0, MOST_FAILURES))
    process.stderr.write(`failed: ${task}, document ${docId}: ${error.message}\n`);
  process.stderr.write(
    `${failures.length} requests failed; their documents are left out of the results${failures.length > MOST_FAILURES ? ' (the first are above)' : ''}\n`,
  );
}

function told(results: EvaluationResults, format: string | undefined): string {
  const title = format === undefined ? '' : `weights ${format}\n`;
  const groups = Object.keys(results.groups ?? {}).length > 0 ? `\n${resultTable(results, 'groups')}` : '';
  return `${title}${resultTable(results)}${groups}`;
}

function formats(text: string): WeightFormat[] {
  const list = collectList(text);
  const twice = list.find((one, i) => list.indexOf(one) !== i);
  if (twice !== undefined) throw new InvalidArgumentError(`${twice} is there twice.`);
  return list.map((one) => {
    try {
      return checkWeightFormat(one);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  });
}

function seedList(text: string): number | number[] {
  const seeds = text.split(',').map((part) => wholeNumber(part));
  if (seeds.length === 1) return seeds[0] as number;
  if (seeds.length === 4) return seeds;
  throw new InvalidArgumentError('Wanted one seed, or four: those of random, numpy, torch and of drawing examples.');
}
