/** `batch IN.jsonl OUT.jsonl --model MODEL`: texts for many prompts, here or by workers. */
import { existsSync, realpathSync } from 'node:fs';
import type { Command } from 'commander';
import {
  ANSWER_OPTIONS,
  type BatchOptions,
  checkQueue,
  generateFile,
  type OpenedModel,
  PROMPT_OPTIONS,
  QUEUE_OPTIONS,
  readPrompts,
  type SamplingOptions,
  UsageError,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { evaluationBar } from '../eval/progress.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { formatOptions, hubOptions, loadOptions, type ModelFlags, stateMemoryOption } from '../model-options.ts';
import {
  collect,
  inputFile,
  jsonOption,
  MODEL_ABOUT,
  modelReference,
  outputFile,
  textThat,
  wholeNumber,
} from '../options.ts';
import { printJson } from '../output.ts';

const SAMPLING = {
  temperature: '--temperature <t>',
  topK: '--top-k <k>',
  topP: '--top-p <p>',
  minP: '--min-p <p>',
  repetitionPenalty: '--repetition-penalty <p>',
} as const satisfies Parameters<typeof libraryOptions<typeof PROMPT_OPTIONS>>[2];

interface BatchFlags
  extends AdapterFlags,
    InterventionFlags,
    ModelFlags,
    Pick<SamplingOptions, keyof typeof SAMPLING | 'seed'> {
  readonly model: string;
  readonly field?: string;
  readonly resume?: boolean;
  readonly maxNewTokens?: number;
  readonly stop?: string[];
  readonly maxLength?: number;
  readonly url?: string;
  readonly batch?: number;
  readonly json?: boolean;
}

export function addBatch(program: Command): void {
  const command = program
    .command('batch')
    .argument('<in>', 'prompts: a JSONL file', inputFile)
    .argument('<out>', 'where each line is written with its text as `completion`: a JSONL file', outputFile)
    .description('write a text for each prompt of a file, here or by workers')
    .requiredOption('--model <model>', MODEL_ABOUT, modelReference)
    .option('--field <name>', 'the key of a line that has its prompt (default: prompt)');
  libraryOptions(command, PROMPT_OPTIONS, {
    maxNewTokens: '-n, --max-new-tokens <n>',
    ...SAMPLING,
    stop: ['--stop <text>', collect, 'may be given again'],
  });
  command.option('--seed <n>', 'seed of sampling, the same for every prompt (default: 0)', wholeNumber);
  libraryOptions(command, ANSWER_OPTIONS, { maxLength: '--max-length <n>' });
  libraryOptions(command, QUEUE_OPTIONS, {
    url: ['--queue <url>', textThat(QUEUE_OPTIONS.url)],
    batch: '--queue-batch <n>',
  });
  command.option('--resume', 'go on with a run that was stopped or killed, with the same options');
  adapterOption(interventionsOption(stateMemoryOption(loadOptions(formatOptions(hubOptions(command))))));
  jsonOption(command, '`output`, `prompts` (their number), and `failures`: a list with line, error')
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau batch prompts.jsonl texts.jsonl --model granite-tiny -n 40
  portmanteau batch prompts.jsonl texts.jsonl --model granite-tiny -n 40 --queue redis://localhost:6379

A line is an object such as {"id": 7, "prompt": "Once upon a time"}; what else it has is kept. Texts end before a --stop text, at the end-of-text, or
after -n tokens (128). Answers so far are kept in OUT.answers, from which --resume goes on. A prompt without a text has an 'error'; the exit code is then 1.`),
    )
    .action(run);
}

async function run(input: string, output: string, flags: BatchFlags): Promise<void> {
  if (existsSync(output) && realpathSync(output) === realpathSync(input))
    throw new UsageError(
      `${output} is the file of the prompts, which is kept as it is: give another file for the texts.`,
    );
  const rows = readPrompts(input, flags.field);
  const interventions = await interventionsOf(flags);
  const { url, batch, maxNewTokens, stop, maxLength, resume } = flags;
  if (url !== undefined) await checkQueue(url);
  const check = async (opened: OpenedModel) => {
    checkFits(opened, interventions);
    await checkAdapter(opened, flags);
  };
  const truncated = new Set<number>();
  const bar = evaluationBar('generating');
  try {
    await withModel(flags.model, flags, check, async (model) => {
      const options: BatchOptions = {
        ...{ maxNewTokens, stop, maxLength, resume, interventions },
        sampling: { ...pickOptions(flags, SAMPLING), seed: flags.seed },
        adapter: await adapterOf(model, flags),
        queue: url === undefined ? undefined : { url, batch, onNote: (message) => bar.tell(`note: ${message}`) },
        signal: interrupt.signal,
        onTruncated: (index) => truncated.add(index),
        onProgress: ({ done, total }) => bar.update(done, total, () => []),
      };
      const { failures } = await generateFile(model, rows, output, options);
      bar.end();
      for (const { line, error } of failures.slice(0, 5))
        process.stderr.write(`failed: line ${line} of ${input}: ${error.message}\n`);
      if (failures.length > 0) process.exitCode = 1;
      if (truncated.size > 0)
        process.stderr.write(
          `note: ${truncated.size} prompts are longer than the model reads, and lost their beginning\n`,
        );
      const failed = failures.map(({ line, error }) => ({ line, error: error.message }));
      if (flags.json) printJson({ output, prompts: rows.length, failures: failed });
      process.stderr.write(`wrote ${output}${failures.length > 0 ? `; ${failures.length} prompts failed` : ''}\n`);
    });
  } catch (error) {
    bar.end();
    if (interrupt.signal.aborted)
      process.stderr.write('stopped; the answers so far are kept: the same command with --resume goes on\n');
    throw error;
  }
}
