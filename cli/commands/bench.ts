/** `bench`: speed and memory of a model on this machine, compared with bare loops over memory and multiplications. */
import { cpus } from 'node:os';
import { type Command, Option } from 'commander';
import { measureInChild } from '../../bench/in-child.ts';
import { loopBytes, type Measurement } from '../../bench/measure.ts';
import { SHAPES, shapeNamed, withSynthetic } from '../../bench/shapes.ts';
import { DEFAULT_THREADS, describeBackend, openPretrained, UsageError, usableBytes } from '../../src/node.ts';
import { helpText } from '../help-text.ts';
import { interrupt } from '../interrupt.ts';
import { withProgress } from '../load.ts';
import { formatOptions, hubOptions, type ModelFlags } from '../model-options.ts';
import { fromOne, jsonOption, listOf, MODEL_ABOUT, modelReference, threadCount } from '../options.ts';
import { columns, megabytes, printJson } from '../output.ts';

interface BenchFlags extends Omit<ModelFlags, 'threads' | 'tokenizer'> {
  readonly shape?: string;
  readonly prompt: number[];
  readonly new: number;
  readonly threads: number[];
  readonly rounds: number;
  readonly steering?: boolean;
  readonly sequences?: number[];
  readonly json?: boolean;
}

/** Everything that is reported. */
interface Report {
  /** Name of the synthetic model's shape, or of the real model. */
  readonly shape: string;
  readonly weights: string;
  readonly variant: string;
  readonly node: string;
  readonly cpu: string;
  readonly threads: readonly Measurement[];
}

export function addBench(program: Command): void {
  const threads = new Option('--threads <list>', 'numbers of threads to try, one after the other');
  const command = formatOptions(hubOptions(program.command('bench').argument('[model]', MODEL_ABOUT, modelReference)))
    .description(
      'speed and memory of a model, or of synthetic weights in the shape of one, and shares of what is possible',
    )
    .addOption(
      new Option('--shape <name>', 'synthetic weights in the shape of a published model; nothing is downloaded'),
    )
    .addOption(
      new Option('--prompt <list>', 'tokens of the prompts to read')
        .argParser(listOf(fromOne))
        .default([128, 512], '128,512'),
    )
    .option('--new <n>', 'tokens to decode, one after the other', fromOne, 64)
    .addOption(threads.argParser(listOf(threadCount)).default([DEFAULT_THREADS], 'all cores, at most 8'))
    .option('--rounds <n>', 'repetitions of every measurement; medians are reported', fromOne, 3)
    .option('--steering', 'also decode with a steering vector in every layer, and tell what that costs')
    .addOption(
      new Option('--sequences <list>', 'also decode so many sequences together, as in 8,32').argParser(listOf(fromOne)),
    );
  jsonOption(
    command,
    'shape, weights, variant of the kernels, node, cpu, and what was measured of each number of threads',
  )
    .addHelpText(
      'after',
      helpText(`
Shapes: ${[...SHAPES.keys()].join(', ')}.

Decoding is held against a bare loop that reads as many bytes, up to 1 GiB, with as many threads: the share is that of its
bytes per second. Reading a prompt is held against a bare loop of the same kind of products, in registers: the share is that of
its multiply-adds per second. Only products with weights count, none within attention or a scan. Model and loops run by turns,
after one round that is not counted. Peak memory is that of a process of its own, before the bare loops begin.

In the object of --json, each of threads has
  threads, loadSeconds, peakBytes, weightBytes
  decode            tokensPerSecond, bytesPerToken, readBandwidth of the bare loop in bytes per second, shareOfReadBandwidth;
                    with --steering steeredTime, the time of a step against one without
  prefill           of each prompt: tokens, tokensPerSecond, multiplyAddsPerSecond, shareOfPeak
  peakMultiplyAdds  of the bare loop, per second
  batches           with --sequences, of each number: sequences, tokensPerSecond of all together, times those of one (by processor time)
All are medians; shares are those of rounds, from 0 to 1.

Examples:
  portmanteau bench granite-tiny --prompt 64 --new 16
  portmanteau bench --shape granite-3.1-1b-a400m --weights q8 --threads 1,2 --json`),
    )
    .action(bench);
}

async function bench(reference: string | undefined, flags: BenchFlags): Promise<void> {
  const { shape } = flags;
  if ((reference === undefined) === (shape === undefined))
    throw new UsageError(
      'give either a model or --shape, as in: bench granite-tiny, or: bench --shape granite-3.1-2b.',
    );
  const report = shape
    ? await withSynthetic(shapeNamed(shape), (folder) => measureAll(shape, folder, flags))
    : await measureAll(reference as string, reference as string, flags);
  if (flags.json) printJson(report);
  else process.stdout.write(sheet(report));
}

async function measureAll(name: string, reference: string, flags: BenchFlags): Promise<Report> {
  const { weights = 'auto', keyValues, ignoreConfigKeys, revision, prompt, rounds } = flags;
  await check(reference, flags);
  const options = { weights, keyValues, revision, ignoreConfigKeys };
  const measured: Measurement[] = [];
  for (const threads of flags.threads) {
    const task = {
      reference,
      options,
      threads,
      prompts: prompt,
      newTokens: flags.new,
      rounds,
      steering: flags.steering,
      sequences: flags.sequences,
    };
    const say = (what: string) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${what && `threads ${threads}: ${what}`}`);
    };
    say('loading and warming up');
    const onRound = (ended: number) => say(ended < rounds ? `round ${ended + 1} of ${rounds}` : '');
    measured.push(
      await measureInChild(task, { signal: interrupt.signal, onRound }).finally(() => say('')), // an error may follow
    );
  }
  return {
    shape: name,
    weights,
    variant: describeBackend().kernels ?? 'none',
    node: process.version,
    cpu: cpus()[0]?.model.trim() || 'unknown',
    threads: measured,
  };
}

/** Downloads what is needed, and checks that everything can be measured, before minutes are spent on it. */
async function check(reference: string, { prompt, new: newTokens, ...flags }: BenchFlags): Promise<void> {
  const opened = await withProgress('pulling', { ...flags, threads: undefined }, (options) =>
    openPretrained(reference, options),
  );
  await opened.checkpoint.close();
  const { contextLength } = opened.model.facts;
  const reach = Math.max(...prompt, newTokens + 1);
  if (contextLength !== undefined && reach > contextLength) {
    throw new UsageError(
      `${reach} tokens do not fit: this model reads at most ${contextLength}. Give less to --prompt or --new.`,
    );
  }
  const bytes = opened.plan.bytes + loopBytes(opened.plan.bytes);
  if (bytes > usableBytes()) {
    throw new UsageError(
      `this takes ${megabytes(bytes)} with the bare loops, and this process may take ${megabytes(usableBytes())}: choose smaller --weights.`,
    );
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const billions = (perSecond: number): string => (perSecond / 1e9).toFixed(2);

function sheet({ shape, weights, variant, node, cpu, threads }: Report): string {
  const [first] = threads;
  const sizes = first
    ? `: ${megabytes(first.weightBytes)} of weights, of which a token reads ${megabytes(first.decode.bytesPerToken)}`
    : '';
  const rows = threads.flatMap(({ threads, loadSeconds, peakBytes, decode, prefill, peakMultiplyAdds, batches }) => [
    [
      ...[threads, `${loadSeconds.toFixed(2)} s`, megabytes(peakBytes), 'decoding', decode.tokensPerSecond.toFixed(2)],
      `${percent(decode.shareOfReadBandwidth)} of ${billions(decode.readBandwidth)} GB/s`,
    ],
    ...(decode.steeredTime === undefined
      ? []
      : [
          [
            '',
            '',
            '',
            'steered decoding',
            (decode.tokensPerSecond / decode.steeredTime).toFixed(2),
            `${decode.steeredTime.toFixed(3)} times the time of a step`,
          ],
        ]),
    ...prefill.map(({ tokens, tokensPerSecond, shareOfPeak }) => [
      ...['', '', '', `prompt of ${tokens}`, tokensPerSecond.toFixed(2)],
      `${percent(shareOfPeak)} of ${billions(peakMultiplyAdds)} billion multiply-adds/s`,
    ]),
    ...batches.map(({ sequences, tokensPerSecond, times }) => [
      ...['', '', '', `${sequences} sequences`, tokensPerSecond.toFixed(2), `${times.toFixed(2)} times one sequence`],
    ]),
  ]);
  const head = ['threads', 'load', 'peak memory', 'measured', 'tokens/s', 'share of what bare loops reach'];
  return `${shape}, --weights ${weights}${sizes}\n${variant} kernels, Node ${node.slice(1)}, ${cpu}\n\n${columns([head, ...rows])}`;
}
