/**
 * Speed and memory of a model on one number of threads, and which shares of what this machine can do it reaches: of the bytes per second
 * that a bare loop reads when decoding, of the multiply-adds per second that a bare loop of the same products makes when reading a
 * prompt. Model and loops run by turns, so that what else the machine does meets both.
 */
import { partsOf } from '../src/api/model.ts';
import { type SequenceInterventions, sequenceOf } from '../src/interventions/sequence.ts';
import { describeBackend, fromPretrained, type Model, type PretrainedOptions, UsageError } from '../src/node.ts';
import { median } from './bare-loop.ts';
import { type BatchRate, batchRates } from './batch-decode.ts';
import { bytesPerToken } from './bytes-per-token.ts';
import { multiplyAddsOf } from './multiply-adds.ts';
import { peakLoop } from './peak-loop.ts';
import { readLoop } from './read-loop.ts';

/** What can be sent to another process. */
export interface Task {
  /** A folder, a shipped model or a hub id. */
  readonly reference: string;
  readonly options: Pick<PretrainedOptions, 'weights' | 'keyValues' | 'ignoreConfigKeys' | 'revision'>;
  readonly threads: number;
  /** Tokens of each prompt. */
  readonly prompts: readonly number[];
  /** Tokens that are decoded one by one, after a first. */
  readonly newTokens: number;
  readonly rounds: number;
  /** Also decode with a steering vector added in every layer, by turns with plain decoding. */
  readonly steering?: boolean | undefined;
  /** Numbers of sequences that also decode together; none by default. */
  readonly sequences?: readonly number[] | undefined;
}

/** Medians of all rounds; shares are those of a round, of which the median. */
export interface Measurement {
  readonly threads: number;
  readonly loadSeconds: number;
  /** The most that the process had in memory before the bare loops came. */
  readonly peakBytes: number;
  readonly weightBytes: number;
  readonly decode: {
    readonly tokensPerSecond: number;
    readonly bytesPerToken: number;
    readonly shareOfReadBandwidth: number;
    /** Bytes per second. */
    readonly readBandwidth: number;
    /** Time of a step with a steering vector in every layer against one without, where it was asked for. */
    readonly steeredTime?: number;
  };
  readonly prefill: readonly {
    readonly tokens: number;
    readonly tokensPerSecond: number;
    readonly shareOfPeak: number;
    readonly multiplyAddsPerSecond: number;
  }[];
  /** Per second, of the bare loop. */
  readonly peakMultiplyAdds: number;
  /** Of the numbers of sequences that were asked for. */
  readonly batches: readonly BatchRate[];
}

/** More than this lies in no cache. */
const MAX_READ_BYTES = 2 ** 30;

/** Bytes that measuring a model takes beside its weights. */
export const loopBytes = (modelBytes: number): number => Math.min(modelBytes, MAX_READ_BYTES);

/** Rounds, the first of which warms memory, caches and compilers up and is not counted, are told to `onRound` when they end. */
export async function measure(task: Task, onRound: (ended: number) => void = () => {}): Promise<Measurement> {
  const { reference, options, threads, prompts, newTokens, rounds, steering, sequences = [] } = task;
  const { kernels } = describeBackend();
  if (!kernels) throw new UsageError('this Node has no WebAssembly SIMD: take 20.19 or later.');
  const begin = performance.now();
  const model = await fromPretrained(reference, { ...options, threads });
  const loadSeconds = (performance.now() - begin) / 1000;
  const { opened } = partsOf(model);
  const bytes = bytesPerToken(opened);
  const products = multiplyAddsOf(opened);
  const closing: (() => Promise<void>)[] = [() => model.dispose()];
  try {
    for (const tokens of prompts) await prefillSeconds(model, tokens);
    await decodeSeconds(model, newTokens);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    const reading = await readLoop(loopBytes(bytes), threads);
    closing.push(reading.dispose);
    const peak = await peakLoop(kernels, products.dtype, threads);
    closing.push(peak.dispose);
    onRound(0);

    const decoded: { tokensPerSecond: number; share: number; bandwidth: number }[] = [];
    const steered: number[] = [];
    const read = prompts.map((): { seconds: number; share: number }[] => []);
    const peaks: number[] = [];
    const multiplyAdds = (tokens: number) => products.perToken * tokens + products.head;
    for (let round = 1; round <= rounds; round++) {
      for (const [i, tokens] of prompts.entries()) {
        const seconds = await prefillSeconds(model, tokens);
        const most = await peak.multiplyAddsPerSecond();
        peaks.push(most);
        read[i]?.push({ seconds, share: multiplyAdds(tokens) / seconds / most });
      }
      const tokensPerSecond = newTokens / (await decodeSeconds(model, newTokens));
      const bandwidth = await reading.bytesPerSecond();
      decoded.push({ tokensPerSecond, share: (bytes * tokensPerSecond) / bandwidth, bandwidth });
      if (steering) steered.push(await steeredTime(model, newTokens));
      onRound(round);
    }
    const batches = await batchRates(model, sequences, rounds);
    return {
      threads,
      loadSeconds,
      peakBytes,
      weightBytes: opened.plan.bytes,
      decode: {
        tokensPerSecond: median(decoded.map((one) => one.tokensPerSecond)),
        bytesPerToken: bytes,
        shareOfReadBandwidth: median(decoded.map(({ share }) => share)),
        readBandwidth: median(decoded.map(({ bandwidth }) => bandwidth)),
        ...(steering ? { steeredTime: median(steered) } : {}),
      },
      prefill: prompts.map((tokens, i) => {
        const some = read[i] ?? [];
        const seconds = median(some.map((one) => one.seconds));
        return {
          tokens,
          tokensPerSecond: tokens / seconds,
          shareOfPeak: median(some.map(({ share }) => share)),
          multiplyAddsPerSecond: multiplyAdds(tokens) / seconds,
        };
      }),
      peakMultiplyAdds: median(peaks),
      batches,
    };
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** As far as there are so many all different and far from each other: nothing that was computed for one serves another. */
export function someIds(count: number, vocabSize: number): number[] {
  let step = Math.max(1, Math.floor(vocabSize * GOLDEN_RATIO));
  while (divisor(step, vocabSize) > 1) step++;
  return Array.from({ length: count }, (_, i) => (i * step) % vocabSize);
}

/** Steps of this share of a circle spread evenly over it. */
const GOLDEN_RATIO = 0.618034;

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

async function prefillSeconds(model: Model, tokens: number): Promise<number> {
  const ids = someIds(tokens, model.facts.vocabSize);
  const state = model.newState();
  try {
    const begin = performance.now();
    await partsOf(model).engine.read([{ ids, state }]);
    return (performance.now() - begin) / 1000;
  } finally {
    state.dispose();
  }
}

/** Time of decoding under a steering vector in every layer, against that without: the median of short turns, since the machine has other work too. */
async function steeredTime(model: Model, tokens: number): Promise<number> {
  const add = Float32Array.from({ length: model.facts.dModel }, (_, i) => 1e-3 * (i % 7));
  const steering = model.checkInterventions([{ site: 'blocks.*.residPost', add, by: 0.5 }]);
  const under = sequenceOf(steering, { promptLength: 1 });
  const some = Math.max(1, Math.ceil(tokens / STEERED_TURNS));
  const ratios: number[] = [];
  for (let turn = 0; turn < STEERED_TURNS; turn++) {
    const plain = await decodeSeconds(model, some);
    ratios.push((await decodeSeconds(model, some, under)) / plain);
  }
  return median(ratios);
}

const STEERED_TURNS = 8;

/** Of `tokens` steps of one token each, after a first that is not counted. */
async function decodeSeconds(model: Model, tokens: number, interventions?: SequenceInterventions): Promise<number> {
  const [first = 0, ...ids] = someIds(tokens + 1, model.facts.vocabSize);
  const state = model.newState();
  try {
    await partsOf(model).engine.read([{ ids: [first], state, interventions }]);
    const begin = performance.now();
    for (const id of ids) await partsOf(model).engine.read([{ ids: [id], state, interventions }]);
    return (performance.now() - begin) / 1000;
  } finally {
    state.dispose();
  }
}
