/** `serve MODEL...`: an HTTP server that clients of OpenAI's API can use. */
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import {
  type ModelToServe,
  openRequestLog,
  SCHEDULER_OPTIONS,
  type SchedulerOptions,
  SERVER_OPTIONS,
  type ServerOptions,
  serve,
  UsageError,
} from '../../src/node.ts';
import { pickOptions } from '../../src/options/check.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { libraryOptions } from '../library-options.ts';
import { optionsWithProgress } from '../load.ts';
import {
  formatOptions,
  generationConfigOptions,
  hubOptions,
  loadOptions,
  type ModelFlags,
  stateMemoryOption,
} from '../model-options.ts';
import {
  aboveZero,
  byteCount,
  collect,
  MODEL_ABOUT,
  modelReference,
  portNumber,
  textFile,
  wholeNumber,
} from '../options.ts';
import { progressBar } from '../progress.ts';

interface ServeFlags
  extends ModelFlags,
    Omit<ServerOptions, 'apiKey'>,
    Pick<SchedulerOptions, keyof typeof SCHEDULER_FLAGS> {
  readonly host?: string;
  readonly port?: number;
  readonly alias?: readonly string[];
  readonly adapter?: readonly string[];
  readonly chatTemplate?: readonly string[];
  readonly apiKeyFile?: string;
  readonly sessions?: string;
  readonly maxStall?: number;
  readonly log?: boolean;
}

const SCHEDULER_FLAGS = {
  maxSequences: '--max-sequences <n>',
  maxWaiting: ['--max-waiting <n>', wholeNumber],
  cacheBytes: ['--prefix-cache <size>', byteCount, 'as in 512MB'],
} as const satisfies Parameters<typeof libraryOptions<typeof SCHEDULER_OPTIONS>>[2];

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .argument('<models...>', `models to serve: each a ${MODEL_ABOUT}`, (text: string, before?: string[]) => [
      ...(Array.isArray(before) ? before : []),
      modelReference(text),
    ])
    .description('answer requests over HTTP, as the API of OpenAI does, until Ctrl-C or SIGTERM');
  generationConfigOptions(stateMemoryOption(loadOptions(formatOptions(hubOptions(command)))))
    .option(
      '--host <address>',
      'address to listen on; 0.0.0.0: all of this machine (default: 127.0.0.1, for this machine only)',
    )
    .option('--port <n>', 'port to listen on; 0: one that is free (default: 8000)', portNumber)
    .option('--alias <name=model>', 'another name of a model; may be given again', collect)
    .option(
      '--adapter <name=dir>',
      'a LoRA adapter that requests can name, a folder or a hub id; with several models <model:name=dir>; may be given again',
      collect,
    )
    .option(
      '--api-key-file <file>',
      'file with the key that requests have to show (default: PORTMANTEAU_API_KEY of the environment)',
      textFile,
    )
    .option(
      '--chat-template <file>',
      "a Jinja template in place of the model's own; with several models <model=file>; may be given again",
      collect,
    )
    .option('--sessions <folder>', 'keep sessions here when the server ends, and go on with them when it starts')
    .option(
      '--max-stall <seconds>',
      'cut off clients who take nothing of their answer for so long (default: 60)',
      aboveZero,
    )
    .option('--no-log', 'no line on standard error for each request');
  libraryOptions(command, SERVER_OPTIONS, {
    cors: ['--cors <origin>', collect, 'may be given again'],
    maxBodyBytes: ['--max-body <size>', byteCount, 'as in 16MB'],
    maxPromptTokens: '--max-prompt <n>',
    maxNewTokens: '--max-new-tokens <n>',
    maxChoices: '--max-choices <n>',
    maxLogprobs: '--max-logprobs <n>',
    requestSeconds: '--max-seconds <n>',
    maxSessions: ['--max-sessions <n>', wholeNumber],
    capture: '--capture',
    maxCaptureBytes: ['--max-capture <size>', byteCount, 'as in 256MB'],
    logPrompts: '--log-prompts',
  });
  libraryOptions(command, SCHEDULER_OPTIONS, SCHEDULER_FLAGS)
    .addHelpText(
      'after',
      helpText(`
Examples:
  portmanteau serve granite-tiny
  portmanteau serve granite-tiny mamba-tiny --port 9000 --alias gpt-4o-mini=granite-tiny
  PORTMANTEAU_API_KEY=$(cat key.txt) portmanteau serve ibm-granite/granite-3.1-1b-a400m-instruct --host 0.0.0.0 --sessions ./sessions
  curl http://127.0.0.1:8000/v1/completions -H 'content-type: application/json' -d '{"model": "granite-tiny", "prompt": "The cat"}'

The first SIGTERM or Ctrl-C lets requests end and saves sessions, a second one ends at once. Requests and answers: docs/serving.md.`),
    )
    .action(run);
}

async function run(references: readonly string[], flags: ServeFlags): Promise<void> {
  const models = modelsOf(references, flags);
  const { host, port, sessions, apiKeyFile, maxStall: stallSeconds } = flags;
  const apiKey = keyOf(apiKeyFile ?? process.env.PORTMANTEAU_API_KEY);
  if (host !== undefined && !isLoopback(host) && apiKey === undefined)
    note('anyone who can reach this machine can use the server: give it a key (--api-key-file).');
  const onRequest = flags.log === false ? undefined : await openRequestLog();
  if (flags.log !== false && !onRequest) note("requests are not logged, for which 'npm install pino' is needed.");
  const bar = progressBar('loading');
  const limits = { ...pickOptions(flags, SERVER_OPTIONS), ...pickOptions(flags, SCHEDULER_FLAGS) };
  const server = await serve(
    {
      ...{ ...limits, models, host, port, stallSeconds, sessions, apiKey, onRequest, signal: interrupt.signal },
      onModel: (id) => note(`${id} is ready.`),
    },
    optionsWithProgress({ ...flags, generationConfig: flags.generationConfig ?? {} }, bar),
  );
  process.stdout.write(`portmanteau listens on ${server.url}\n`);
  const stopped = new Promise<void>((resolve) => {
    if (interrupt.signal.aborted) resolve();
    else interrupt.signal.addEventListener('abort', () => resolve());
  });
  try {
    await server.ready.finally(() => bar.end());
    await stopped;
    note('stopping: requests on their way are answered, new ones are refused.');
  } finally {
    await server.close();
  }
  process.exitCode = 0; // that a signal ended it is as it should be
}

function modelsOf(
  references: readonly string[],
  { alias = [], adapter = [], chatTemplate = [] }: ServeFlags,
): ModelToServe[] {
  const ids = references.map((reference) => (isPath(reference) ? basename(reference) : reference));
  const [first = ''] = ids;
  const named = (id: string) => {
    if (ids.includes(id)) return id;
    throw new UsageError(`'${id}' is none of the models that are served: ${ids.join(', ')}.`);
  };
  const aliases = alias.map((text) => {
    const [, name, id] = /^([^=]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || id === undefined) throw new UsageError(`--alias came as '${text}', wanted name=model.`);
    return { name, id: named(id) };
  });
  const adapters = adapter.map((text) => {
    const [, id, name, folder] = /^(?:([^=]+):)?([^=:]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || folder === undefined || (id === undefined && ids.length > 1))
      throw new UsageError(`--adapter came as '${text}', wanted ${ids.length > 1 ? 'model:' : ''}name=dir.`);
    return { id: named(id ?? first), name, folder };
  });
  const templates = chatTemplate.map((text) => {
    const [, id, file] =
      ids.length === 1 && existsSync(text) ? [text, first, text] : (/^([^=]+)=(.+)$/.exec(text) ?? []);
    if (id === undefined || file === undefined)
      throw new UsageError(
        ids.length > 1
          ? `--chat-template came as '${text}', wanted model=file.`
          : `--chat-template came as '${text}', and there is no such file.`,
      );
    return { id: named(id), source: templateFile(file) };
  });
  return references.map((reference, i) => {
    const id = ids[i] as string;
    return {
      ...{ reference, id },
      aliases: aliases.filter((one) => one.id === id).map(({ name }) => name),
      chatTemplate: templates.findLast((one) => one.id === id)?.source,
      adapters: Object.fromEntries(adapters.filter((one) => one.id === id).map(({ name, folder }) => [name, folder])),
    };
  });
}

function templateFile(file: string): string {
  try {
    return textFile(file);
  } catch (error) {
    throw new UsageError(`--chat-template ${file}: ${(error as Error).message}`);
  }
}

/** Throws UsageError on an empty key, which would let everyone in. */
function keyOf(text: string | undefined): string | undefined {
  const key = text?.trim();
  if (key === '') throw new UsageError('the API key is empty.');
  return key;
}

const isPath = (reference: string): boolean => /^[./~]|\\/.test(reference);

const isLoopback = (host: string): boolean => /^(127\.|localhost$|::1$|\[::1\]$)/.test(host);

const note = (text: string): void => void process.stderr.write(`portmanteau: ${text}\n`);
