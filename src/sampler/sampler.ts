/**
 * Chooses the next token from logits. Order and meaning of the options are those of transformers' logits processors
 * (generation/logits_process.py): the processors of processors.ts, temperature, top-k, top-p, min-p, typical-p, cutoffs, then one sample.
 */
import { UsageError } from '../base/errors.ts';
import { exp } from '../base/math.ts';
import { Candidates } from './candidates.ts';
import { maxLogit } from './logprobs.ts';
import { applyMask } from './mask.ts';
import { checkSamplingOptions, type SamplingOptions, temperatureOf } from './options.ts';
import type { History } from './penalties.ts';
import { type Processor, processorsOf } from './processors.ts';
import { freshSeed, Random } from './random.ts';

export { logSoftmax, logSumExp, topLogprobs } from './logprobs.ts';
export { checkSamplingOptions, type SamplingOptions } from './options.ts';
export type { History } from './penalties.ts';

/** Scratch memory for one vocabulary. Samplers run one after another, so clones share it. */
interface Scratch {
  readonly vocabSize: number;
  readonly scores: Float32Array;
  /** All zero between calls. */
  readonly counts: Uint32Array;
  readonly candidates: Candidates;
}

export class Sampler {
  /** Seed of the samples: from the options, or else chosen at random. Undefined when nothing is sampled. */
  readonly seed: number | undefined;
  readonly #options: SamplingOptions;
  readonly #endIds: ReadonlySet<number>;
  readonly #processors: readonly Processor[];
  readonly #random: Random;
  /** 0: take the most likely token. */
  readonly #temperature: number;
  #shared: { scratch?: Scratch } = {};

  /** `endIds`: ids that end generation. Throws UsageError as checkSamplingOptions does. */
  constructor(options: SamplingOptions = {}, endIds: ReadonlySet<number> = new Set()) {
    checkSamplingOptions(options);
    const seed = options.seed ?? freshSeed();
    this.#options = { ...options };
    this.#endIds = endIds;
    this.#processors = processorsOf(options, endIds);
    this.#temperature = temperatureOf(options);
    this.#random = Random.fromSeed(seed);
    this.seed = this.#temperature === 0 ? undefined : seed;
  }

  /** Does `next` always return the id of the largest logit? Then the other logits are not needed. */
  get takesLikeliest(): boolean {
    return this.#temperature === 0 && this.#processors.length === 0;
  }

  /** A sampler for another sequence. With a seed it gives the same samples from the start; without one, others. */
  clone(): Sampler {
    const twin = new Sampler(this.#options, this.#endIds);
    twin.#shared = this.#shared;
    return twin;
  }

  /**
   * Chooses the next id from logits[V], which are not changed. Greedy decoding takes the lowest of several best ids. Throws CheckpointError
   * on NaN or Infinity among the logits; UsageError on a bias for an id that does not exist, and when no id is left. `allowed`: bits
   * of the ids that may be chosen, as a SequenceMask gives them.
   */
  next(logits: Float32Array, history: History, allowed?: Uint32Array): number {
    const { scores, max } = this.#scores(logits, history, allowed);
    return this.#temperature === 0 ? scores.indexOf(max) : this.#candidates(scores, max).pick(this.#random.uniform());
  }

  /** The probabilities [V] from which `next` samples. Does not sample. Throws as `next` does. */
  distribution(logits: Float32Array, history: History): Float32Array {
    const { scores, max } = this.#scores(logits, history);
    const probabilities = new Float32Array(logits.length);
    if (this.#temperature === 0) probabilities[scores.indexOf(max)] = 1;
    else this.#candidates(scores, max).spread(probabilities);
    return probabilities;
  }

  #scratch(vocabSize: number): Scratch {
    const { scratch } = this.#shared;
    if (scratch?.vocabSize === vocabSize) return scratch;
    return (this.#shared.scratch = {
      vocabSize,
      scores: new Float32Array(vocabSize),
      counts: new Uint32Array(vocabSize),
      candidates: new Candidates(vocabSize),
    });
  }

  /** Scores [V] after all processors, and the largest of them. */
  #scores(logits: Float32Array, history: History, allowed?: Uint32Array): { scores: Float32Array; max: number } {
    const max = maxLogit(logits);
    if (this.#processors.length === 0 && !allowed) return { scores: logits, max };
    const { scores, counts } = this.#scratch(logits.length);
    scores.set(logits);
    for (const process of this.#processors) process(scores, history, counts);
    if (allowed) applyMask(scores, allowed);
    let changed = Number.NEGATIVE_INFINITY;
    for (const score of scores) changed = Math.max(changed, score);
    if (!Number.isFinite(changed))
      throw new UsageError(
        `biases, penalties, forbidden ids${allowed ? ' and the wanted form' : ''} make the largest score ${changed}, wanted a finite one: no token is left to choose.`,
      );
    return { scores, max: changed };
  }

  #candidates(scores: Float32Array, max: number): Candidates {
    const { topK = 0, topP = 1, minP = 0, typicalP = 1, epsilonCutoff = 0, etaCutoff = 0 } = this.#options;
    const { candidates } = this.#scratch(scores.length);
    candidates.take(scores, max, this.#temperature, topK);
    if (topP < 1) candidates.keepNucleus(topP);
    if (minP > 0) candidates.keepFrom(minP);
    if (typicalP < 1) candidates.keepTypical(typicalP);
    if (epsilonCutoff > 0) candidates.keepLikely(epsilonCutoff);
    if (etaCutoff > 0) candidates.keepLikely(Math.min(etaCutoff, Math.sqrt(etaCutoff) * exp(-candidates.entropy)));
    return candidates;
  }
}
