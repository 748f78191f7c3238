/** `train CONFIG.json`: trains a model as a configuration says. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { type TrainingOptions, train, UsageError, withSettings } from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { loadOptions, type ModelFlags } from '../model-options.ts';
import { collect, inputFile, outputFile } from '../options.ts';
import { checkOutput } from '../output-file.ts';

interface TrainFlags extends Pick<ModelFlags, 'threads' | 'memoryBytes'> {
  readonly set?: readonly string[];
  readonly out?: string;
  readonly metrics?: string;
  readonly gradients?: string;
}

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .argument('<config>', 'JSON file that says what is trained, on what, and how', inputFile)
    .description('train a model')
    .option(
      '--set <key=value>',
      'change a key of the configuration, as optimizer.lr=0.001; may be given again',
      collect,
    )
    .option('--out <folder>', "folder for the trained model (default: 'out' of the configuration)")
    .option('--metrics <file>', 'write a line of JSON for each step; - is standard output', outputFile)
    .option('--gradients <file>', 'write the gradients of the first step to a safetensors file', outputFile);
  loadOptions(command).addHelpText('after', helpText(``)).action(run);
}

async function run(file: string, flags: TrainFlags): Promise<void> {
  const { set = [], out, metrics, gradients, threads, memoryBytes } = flags;
  await checkOutput(metrics);
  await checkOutput(gradients);
  const settings = out === undefined ? set : [...set, `out=${JSON.stringify(out)}`];
  const config = withSettings(readConfig(file), settings) as unknown as TrainingOptions;
  const options = { metrics, gradients, threads, memoryBytes, signal: interrupt.signal };
  await train(config, {
    ...options,
    onWarning: (message) => void process.stderr.write(`warning: ${message}\n`),
    onStep: ({ step, steps, loss }) =>
      void process.stderr.write(`step ${step + 1} of ${steps}: loss ${loss.toFixed(4)}\n`),
  });
}

function readConfig(file: string): object {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object;
  } catch (error) {
    throw new UsageError(`${file} is no JSON: ${(error as Error).message}`, { cause: error });
  }
}
