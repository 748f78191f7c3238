/** `worker --queue URL --model MODEL`: answers the requests of `eval --queue`. */
import type { Command } from 'commander';
import { checkQueue, type OpenedModel, serveQueue, WORKER_OPTIONS } from '../../src/node.ts';
import { type AdapterFlags, adapterOf, adapterOption, checkAdapter } from '../adapter-option.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { checkFits, type InterventionFlags, interventionsOf, interventionsOption } from '../interventions.ts';
import { libraryOptions } from '../library-options.ts';
import { withModel } from '../load.ts';
import { formatOptions, hubOptions, loadOptions, type ModelFlags, stateMemoryOption } from '../model-options.ts';
import { MODEL_ABOUT, modelReference, textThat } from '../options.ts';

interface WorkerFlags extends AdapterFlags, InterventionFlags, ModelFlags {
  readonly url: string;
  readonly model: string;
  readonly lostAfter?: number;
}

export function addWorker(program: Command): void {
  const command = program
    .command('worker')
    .description('answer the requests of commands with --queue, until it is stopped')
    .requiredOption('--model <model>', MODEL_ABOUT, modelReference);
  libraryOptions(command, WORKER_OPTIONS, {
    url: ['--queue <url>', textThat(WORKER_OPTIONS.url)],
    lostAfter: '--lost-after <seconds>',
  });
  for (const option of command.options) if (option.long === '--queue') option.makeOptionMandatory();
  adapterOption(interventionsOption(stateMemoryOption(loadOptions(formatOptions(hubOptions(command))))))
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau worker --queue redis://localhost:6379 --model granite-tiny
  portmanteau eval granite-tiny --tasks arc_easy --queue redis://localhost:6379

Workers may be started, stopped and killed at any time. Model, format of weights, adapter and interventions must be those of the run; a worker with
others is refused. Ctrl-C gives back the batch that is not done.`),
    )
    .action(run);
}

async function run(flags: WorkerFlags): Promise<void> {
  const interventions = await interventionsOf(flags);
  await checkQueue(flags.url);
  const check = async (opened: OpenedModel) => {
    checkFits(opened, interventions);
    await checkAdapter(opened, flags);
  };
  await withModel(flags.model, flags, check, async (model) => {
    const { url, lostAfter } = flags;
    await serveQueue(model, {
      ...{ url, lostAfter, interventions },
      adapter: await adapterOf(model, flags),
      signal: interrupt.signal,
      onReady: () => process.stderr.write('waiting for requests; Ctrl-C stops\n'),
      onProgress: progress(),
      onNote: (message) => process.stderr.write(`note: ${message}\n`),
    });
  });
}

/** Between two lines, milliseconds. */
const INTERVAL_MS = 30_000;

function progress(): (answered: number) => void {
  let told = Number.NEGATIVE_INFINITY;
  return (answered) => {
    const now = performance.now();
    if (now - told < INTERVAL_MS) return;
    told = now;
    process.stderr.write(`${answered} requests answered\n`);
  };
}
