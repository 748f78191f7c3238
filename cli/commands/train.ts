/** `train CONFIG.json`: trains a model as a configuration says. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { Argument, type Command } from 'commander';
import { trainingFlopsPerSecond } from '../../bench/training-speed.ts';
import {
  DEFAULT_THREADS,
  DivergedError,
  exportPlan,
  openPretrained,
  planOf,
  recipeNamed,
  type StepReport,
  type TrainingOptions,
  train,
  trainingConfig,
  UsageError,
  withSettings,
} from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import type { ModelFlags } from '../model-options.ts';
import { byteCount, collect, fromOne, inputFile, outputFile, threadCount } from '../options.ts';
import { checkApart, checkOutput } from '../output-file.ts';
import { progressBar } from '../progress.ts';
import { planText } from '../train/dry-run.ts';
import { trainingLines } from '../train/lines.ts';
import { addPlot, plotFile } from '../train/plot.ts';

interface TrainFlags extends Pick<ModelFlags, 'threads' | 'memoryBytes'> {
  readonly recipe?: string;
  readonly set?: readonly string[];
  readonly out?: string;
  readonly dryRun?: boolean;
  readonly exportPlan?: string;
  readonly resume?: boolean;
  readonly metrics?: string;
  readonly gradients?: string;
  readonly plot?: string;
  readonly samplePrompt?: readonly string[];
  readonly sampleEvery?: number;
  readonly memory?: number;
}

export function addTrain(program: Command): void {
  const train = program.command('train');
  addPlot(train);
  train
    .addArgument(new Argument('[config]', 'JSON file that says what is trained, on what, and how').argParser(inputFile))
    .description('train a model; docs/training.md describes the configuration')
    .option('--recipe <name>', 'a recipe of this program instead of a file')
    .option(
      '--set <key=value>',
      'change a key of the configuration, as optimizer.lr=0.001; may be given again',
      collect,
    )
    .option(
      '--out <folder>',
      "folder of the run, for checkpoints and the trained model (default: 'out' of the configuration)",
    )
    .option(
      '--dry-run',
      'say what the run will take: steps, learning rates, parameters, memory, operations; write nothing',
    )
    .option(
      '--export-plan <folder>',
      "write the run for Python's trainers: checkpoint, rows of token ids, plan and program; train nothing",
    )
    .option('--resume', 'go on with the run in that folder, from its last checkpoint')
    .option('--metrics <file>', 'file for a line of JSON per step (default: metrics.jsonl in the folder)', outputFile)
    .option('--gradients <file>', 'write the gradients of the first step, f32, to a safetensors file', outputFile)
    .option('--plot <file>', 'write a page with figures of the run, and write it again as the run goes on', plotFile)
    .option('--sample-prompt <text>', 'let the model continue this text during the run; may be given again', collect)
    .option('--sample-every <n>', 'steps between two such texts (default: 100)', fromOne)
    .option('--threads <n>', 'threads that compute (default: all cores, at most 8)', threadCount)
    .option('--memory <size>', 'memory to count with, as in 8GB', byteCount)
    .addHelpText(
      'after',
      helpText(`
Ctrl-C finishes the step, writes a checkpoint, and says how to go on. A run that was killed goes on from its last checkpoint.

Examples:
  portmanteau train config.json --out my-model --set steps=200
  portmanteau train --recipe mamba-7b-rw --dry-run
  portmanteau train my-model/training.json --resume`),
    )
    .action(run);
}

async function run(file: string | undefined, flags: TrainFlags): Promise<void> {
  const { metrics, gradients, plot, threads, memory, resume } = flags;
  await checkOutput(metrics);
  await checkOutput(gradients);
  await checkOutput(plot);
  checkApart({ '--metrics': metrics, '--gradients': gradients, '--plot': plot });
  const config = withSettings(begun(file, flags.recipe), settingsOf(flags)) as unknown as TrainingOptions;
  if (flags.dryRun) {
    process.stdout.write(await dryRun(file, flags.recipe, config, threads));
    return;
  }
  if (flags.exportPlan !== undefined) {
    const onWarning = (message: string) => void process.stderr.write(`warning: ${message}\n`);
    await exportPlan(config, flags.exportPlan, { signal: interrupt.signal, onWarning });
    process.stderr.write(`wrote ${flags.exportPlan}\n`);
    return;
  }
  if (resume && config.out === undefined)
    throw new UsageError("--resume needs the folder of the run: give --out, or 'out' in the configuration.");
  const bar = progressBar('loading');
  const lines = trainingLines();
  const goOn = config.out === undefined ? undefined : `portmanteau train ${config.out}/training.json --resume`;
  try {
    const result = await train(config, {
      ...{ metrics, gradients, plot, threads, resume, signal: interrupt.signal },
      ...(memory === undefined ? {} : { memoryBytes: memory }),
      onWarning: (message) => bar.warn(message),
      onProgress: ({ loaded, total }) => bar.update(loaded, total),
      onStep: (step: StepReport) => {
        bar.end();
        lines.tell(step);
      },
    });
    lines.end();
    if (result.isDone) process.stderr.write(config.out === undefined ? '' : `wrote ${config.out}\n`);
    else process.stderr.write(stopped(result.step, goOn));
  } catch (error) {
    lines.end();
    if (error instanceof DivergedError && config.out !== undefined)
      process.stderr.write(
        hasCheckpoint(config.out)
          ? `the checkpoints in ${config.out}/checkpoints are as they were\n`
          : `there is no checkpoint in ${config.out} yet: begin again\n`,
      );
    throw error;
  } finally {
    bar.end();
  }
}

const hasCheckpoint = (out: string): boolean =>
  existsSync(`${out}/checkpoints`) && readdirSync(`${out}/checkpoints`).some((name) => name.startsWith('step-'));

/** Flags for keys of the configuration are settings of those. */
function settingsOf({ set = [], out, samplePrompt, sampleEvery }: TrainFlags): string[] {
  const given = { out, 'samples.prompts': samplePrompt, 'samples.every': sampleEvery };
  const flags = Object.entries(given).filter(([, value]) => value !== undefined);
  return [...set, ...flags.map(([key, value]) => `${key}=${JSON.stringify(value)}`)];
}

const stopped = (step: number, goOn: string | undefined): string =>
  goOn === undefined
    ? `stopped after ${step} steps; nothing is kept, as there is no folder (--out)\n`
    : `stopped after ${step} steps, which are saved; go on with: ${goOn}\n`;

/** The tables of a run that is not begun. Reads the model's config.json, and no weights. */
async function dryRun(
  file: string | undefined,
  name: string | undefined,
  given: TrainingOptions,
  threads = DEFAULT_THREADS,
): Promise<string> {
  const config = trainingConfig(given);
  const recipe = name === undefined ? undefined : recipeNamed(name);
  const model = recipe?.model ?? config.initialize?.config ?? (await configOf(config.model as string));
  const plan = planOf(config, {
    model,
    hardware: recipe?.hardware,
    flopsPerSecond: await trainingFlopsPerSecond(threads),
  });
  return planText(name ?? (file as string), plan, recipe);
}

async function configOf(model: string): Promise<Readonly<Record<string, unknown>>> {
  const opened = await openPretrained(model);
  await opened.checkpoint.close();
  return opened.config;
}

function begun(file: string | undefined, recipe: string | undefined): unknown {
  if (file !== undefined && recipe !== undefined)
    throw new UsageError(
      `both ${file} and --recipe ${recipe} came, wanted one of them: --set changes keys of a recipe.`,
    );
  if (file === undefined && recipe === undefined)
    throw new UsageError('wanted a configuration: the name of a JSON file, or --recipe NAME.');
  if (recipe !== undefined) return recipeNamed(recipe).config;
  try {
    return JSON.parse(readFileSync(file as string, 'utf8'));
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}
