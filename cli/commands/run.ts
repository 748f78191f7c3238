/** `run MODEL [PROMPT]`: streams text. */
import { text as readAll } from 'node:stream/consumers';
import type { Command } from 'commander';
import { type GenerationOptions, type Model, type Prompt, UsageError } from '../../src/node.ts';
import { interrupt } from '../interrupt.ts';
import {
  aNumber,
  collect,
  idList,
  type ModelFlags,
  modelOptions,
  printJson,
  wholeNumber,
  withModel,
} from '../options.ts';

interface RunFlags extends ModelFlags, Omit<GenerationOptions, 'logitBias' | 'stopIds' | 'stop'> {
  readonly ids?: number[];
  readonly stop?: string[];
  readonly stopIds?: number[];
  readonly logitBias?: string[];
  readonly json?: boolean;
  readonly stats?: boolean;
}

/** Flags that are handed on as they are. */
const PASSED = [
  'maxNewTokens',
  'temperature',
  'topK',
  'topP',
  'minP',
  'repetitionPenalty',
  'presencePenalty',
  'frequencyPenalty',
  'seed',
  'alternatives',
  'ignoreEnd',
  'stop',
  'stopIds',
] as const;

export function addRun(program: Command): void {
  modelOptions(program.command('run'))
    .description('continue a text; the prompt comes from the command line, --ids, or standard input')
    .argument('<model>', 'folder, shipped model, or hub id')
    .argument('[prompt]', 'the text to continue')
    .option('--ids <list>', 'token ids in place of a prompt, as in 1,2,3', idList)
    .option('-n, --max-new-tokens <n>', 'tokens to add at most', wholeNumber, 128)
    .option('--temperature <t>', 'above 0: sample; 0 takes the likeliest token (the default)', aNumber)
    .option('--top-k <k>', 'sample from the k likeliest tokens', wholeNumber)
    .option('--top-p <p>', 'sample from the smallest set of tokens with this probability', aNumber)
    .option('--min-p <p>', 'leave out tokens below this share of the likeliest', aNumber)
    .option('--repetition-penalty <p>', 'above 1: tokens seen before become less likely', aNumber)
    .option('--presence-penalty <p>', 'taken off the score of every token generated before', aNumber)
    .option('--frequency-penalty <p>', 'taken off the score of a token, for each time it was generated', aNumber)
    .option('--logit-bias <id:bias>', 'added to the score of one token; may be given again', collect)
    .option('--seed <n>', 'same seed, same text', wholeNumber)
    .option('--stop <text>', 'end before this text; may be given again', collect)
    .option('--stop-ids <list>', 'end after one of these ids', idList)
    .option('--ignore-end', "go on after the model's end-of-text")
    .option('--alternatives <k>', 'with --json: report the k likeliest tokens of each step', wholeNumber)
    .option('--json', 'one JSON object with ids, text, logprobs')
    .option('--stats', 'times and memory, on stderr (in the object with --json)')
    .action(run);
}

async function run(reference: string, promptText: string | undefined, flags: RunFlags): Promise<void> {
  const prompt = await promptFrom(promptText, flags.ids);
  const started = performance.now();
  await withModel(reference, flags, async (model) => {
    const loadMs = performance.now() - started;
    const result = await stream(model, prompt, generationOptions(flags), flags.json !== true);
    const stats = statsOf(result, loadMs);
    if (flags.json) {
      const { promptIds, ids, text, steps, finishReason } = result;
      const logprobs = steps.map(({ logprob }) => logprob);
      const alternatives = flags.alternatives ? { alternatives: steps.map((step) => step.alternatives) } : {};
      const worded = model.tokenizer ? { text } : {};
      printJson({
        promptIds,
        ids,
        ...worded,
        logprobs,
        ...alternatives,
        finishReason,
        ...(flags.stats ? { stats } : {}),
      });
    } else if (flags.stats) {
      for (const [name, value] of Object.entries(stats)) process.stderr.write(`${name}: ${value}\n`);
    }
  });
}

async function promptFrom(text: string | undefined, ids: number[] | undefined): Promise<Prompt> {
  if (ids && text !== undefined) throw new UsageError('give a prompt or --ids, not both.');
  if (ids) return ids;
  if (text !== undefined) return text;
  if (process.stdin.isTTY)
    throw new UsageError('no prompt: give one after the model, with --ids, or through standard input.');
  return readAll(process.stdin);
}

function generationOptions(flags: RunFlags): GenerationOptions {
  const passed = Object.fromEntries(
    PASSED.filter((name) => flags[name] !== undefined).map((name) => [name, flags[name]]),
  );
  const bias = flags.logitBias?.map((entry) => {
    const [id, value, ...more] = entry.split(':').map(Number);
    if (id === undefined || value === undefined || more.length > 0 || Number.isNaN(id) || Number.isNaN(value)) {
      throw new UsageError(`--logit-bias came as '${entry}', wanted id:bias, as in 50256:-100.`);
    }
    return [id, value] as const;
  });
  return { ...passed, ...(bias ? { logitBias: new Map(bias) } : {}), signal: interrupt.signal };
}

async function stream(model: Model, prompt: Prompt, options: GenerationOptions, print: boolean) {
  const promptIds = model.encode(prompt);
  const steps: { id: number; logprob?: number | undefined; alternatives?: unknown }[] = [];
  let text = '';
  let finishReason: string | undefined;
  const begin = performance.now();
  let firstTokenMs = 0;
  for await (const step of model.generate(promptIds, options)) {
    if (step.id !== undefined) {
      if (steps.length === 0) firstTokenMs = performance.now() - begin;
      steps.push({ id: step.id, logprob: step.logprob, alternatives: step.alternatives });
    }
    text += step.text;
    finishReason = step.finishReason ?? finishReason;
    if (print) process.stdout.write(model.tokenizer ? step.text : step.id === undefined ? '' : `${step.id} `);
  }
  if (print) process.stdout.write('\n');
  return {
    promptIds,
    ids: steps.map(({ id }) => id),
    text,
    steps,
    finishReason,
    firstTokenMs,
    totalMs: performance.now() - begin,
  };
}

function statsOf(result: Awaited<ReturnType<typeof stream>>, loadMs: number) {
  const { promptIds, ids, firstTokenMs, totalMs } = result;
  const decodeSeconds = (totalMs - firstTokenMs) / 1000;
  return {
    loadMs: Math.round(loadMs),
    promptTokens: promptIds.length,
    newTokens: ids.length,
    prefillTokensPerSecond: round(promptIds.length / (firstTokenMs / 1000)),
    decodeTokensPerSecond: ids.length > 1 ? round((ids.length - 1) / decodeSeconds) : null,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  };
}

const round = (value: number): number => Number(value.toPrecision(4));
