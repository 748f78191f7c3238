#!/usr/bin/env node
/** The command line: parses, runs one command, and turns errors into one line and an exit code (1 failure, 2 misuse, 128 and more a signal). */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import {
  CheckpointError,
  DivergedError,
  describeWriteError,
  enableEngineFeatures,
  FetchError,
  NotFiniteError,
  shippedModelNames,
  UsageError,
} from '../src/node.ts';
import { addAblate } from './commands/ablate.ts';
import { addAdapter } from './commands/adapter.ts';
import { addAttention } from './commands/attention.ts';
import { addAttribute } from './commands/attribute.ts';
import { addBatch } from './commands/batch.ts';
import { addBench } from './commands/bench.ts';
import { addCache } from './commands/cache.ts';
import { addCapture } from './commands/capture.ts';
import { addChat } from './commands/chat.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEval } from './commands/eval.ts';
import { addExperts } from './commands/experts.ts';
import { addInfo } from './commands/info.ts';
import { addLens } from './commands/lens.ts';
import { addPatch } from './commands/patch.ts';
import { addPlayground } from './commands/playground.ts';
import { addPull } from './commands/pull.ts';
import { addQuantize } from './commands/quantize.ts';
import { addRun } from './commands/run.ts';
import { addScore } from './commands/score.ts';
import { addSenses } from './commands/senses.ts';
import { addServe } from './commands/serve.ts';
import { addSsm } from './commands/ssm.ts';
import { addSteer } from './commands/steer.ts';
import { addTernary } from './commands/ternary.ts';
import { addTokenize } from './commands/tokenize.ts';
import { addTrain } from './commands/train.ts';
import { addWorker } from './commands/worker.ts';
import { helpText } from './help-text.ts';
import { EXIT_CODES, interrupt } from './interrupt.ts';
import { tellParserErrors } from './parser-errors.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

enableEngineFeatures();

const program = new Command('portmanteau')
  .description('Runs, opens up and scores Backpack, 1.58-bit Llama, Mamba and Granite language models.')
  .version(version)
  .exitOverride()
  .addHelpText(
    'after',
    helpText(`
Examples:
  portmanteau run granite-tiny 'Once upon a time' --temperature 0.7
  portmanteau run ibm-granite/granite-3.1-1b-a400m-base 'The capital of France is' --weights bf16 --stats
  portmanteau score backpack-tiny --text 'The cat sat' --top 3

'portmanteau help COMMAND' has more. A MODEL is a folder with config.json and weights, a hub id (org/name,
org/name@revision, or the address of its page), or one of those that ship with this package: ${shippedModelNames().join(', ')}.
Results go to stdout, all else to stderr.
Exit codes: 0 done, 1 failed, 2 misuse, ${EXIT_CODES.SIGINT} Ctrl-C, ${EXIT_CODES.SIGTERM} SIGTERM.
Environment: HF_TOKEN, HF_ENDPOINT, HF_HUB_CACHE, HF_HOME and HF_HUB_OFFLINE as in the Python tools;
HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY as usual;
PORTMANTEAU_DEBUG=1 shows where an error came from; PORTMANTEAU_FLAGS=0 sets no flags of Node's engine ('doctor' lists them).`),
  );
for (const add of [
  addRun,
  addChat,
  addScore,
  addCapture,
  addLens,
  addAttribute,
  addAttention,
  addSenses,
  addPatch,
  addAblate,
  addSteer,
  addInfo,
  addExperts,
  addSsm,
  addTernary,
  addTokenize,
  addTrain,
  addEval,
  addBatch,
  addWorker,
  addServe,
  addPlayground,
  addQuantize,
  addAdapter,
  addPull,
  addCache,
  addDoctor,
  addBench,
])
  add(program);
tellParserErrors(program, line);

function line(text: string): string {
  return `portmanteau: ${text.replace(/\s*\n\s*/g, ' ')}\n`;
}

/** Prints an error and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
  const debug = Boolean(process.env.PORTMANTEAU_DEBUG);
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  process.stderr.write(line(isExplained(error) || debug ? message : `${message} (PORTMANTEAU_DEBUG=1 tells more)`));
  if (debug) process.stderr.write(`${stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}

/** Errors with a message for users: those of this library, and system errors, which have a code. */
function isExplained(error: unknown): boolean {
  return (
    [UsageError, CheckpointError, FetchError, NotFiniteError, DivergedError].some((type) => error instanceof type) ||
    Object(error).code
  );
}

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0); // the reader of a pipe has seen enough
    if (stream === process.stdout) process.stderr.write(line(describeWriteError('-', error).message));
    process.exit(1);
  });
}

try {
  await program.parseAsync();
} catch (error) {
  if (interrupt.signal.aborted) process.exit(); // with the code of the signal, even if something is still open
  process.exitCode = report(error);
}
