#!/usr/bin/env node
/** The command line: parses, runs one command, and turns errors into one line and an exit code (1 failure, 2 misuse, 130 Ctrl-C). */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { UsageError } from '../src/node.ts';
import { addCache } from './commands/cache.ts';
import { addCapture } from './commands/capture.ts';
import { addInfo } from './commands/info.ts';
import { addPull } from './commands/pull.ts';
import { addRun } from './commands/run.ts';
import { addScore } from './commands/score.ts';
import { addTokenize } from './commands/tokenize.ts';
import { interrupt } from './interrupt.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('portmanteau')
  .description('Runs, opens up and scores Backpack, 1.58-bit Llama, Mamba and Granite language models.')
  .version(version)
  .showHelpAfterError('(add --help to see what there is)')
  .exitOverride();
for (const add of [addRun, addScore, addCapture, addInfo, addTokenize, addPull, addCache]) add(program);

async function main(): Promise<number> {
  try {
    await program.parseAsync();
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
    if (interrupt.signal.aborted) return 130;
    process.stderr.write(`portmanteau: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env.PORTMANTEAU_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return error instanceof UsageError ? 2 : 1;
  }
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0); // the reader of a pipe has seen enough
  throw error;
});
process.exitCode = await main();
