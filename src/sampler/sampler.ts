/**
 * From logits to the next token. Order and meaning of the options are those of transformers' logits processors
 * (generation/logits_process.py): bias, penalties, temperature, top-k, top-p, min-p, then one draw.
 */
import { UsageError } from '../errors.ts';
import { Candidates } from './candidates.ts';
import { maxLogit } from './logprobs.ts';
import { biasEntries, checkSamplingOptions, type SamplingOptions } from './options.ts';
import { type History, penalise } from './penalties.ts';
import { Random } from './random.ts';

export { logSoftmax, logSumExp, topLogprobs } from './logprobs.ts';
export { checkSamplingOptions, type SamplingOptions } from './options.ts';
export type { History } from './penalties.ts';

/** Room for one vocabulary. Samplers work one after the other, so clones share it. */
interface Scratch {
  readonly vocabSize: number;
  readonly scores: Float32Array;
  /** All zero between calls. */
  readonly counts: Uint32Array;
  readonly candidates: Candidates;
}

export class Sampler {
  readonly #options: SamplingOptions;
  readonly #bias: readonly (readonly [number, number])[];
  readonly #random: Random;
  /** 0: take the likeliest. */
  readonly #temperature: number;
  readonly #changesScores: boolean;
  #shared: { scratch?: Scratch } = {};

  /** Throws UsageError as checkSamplingOptions does. */
  constructor(options: SamplingOptions = {}) {
    checkSamplingOptions(options);
    const { temperature, topK, topP, minP, seed } = options;
    const narrowed = topK !== undefined || topP !== undefined || minP !== undefined;
    this.#options = { ...options };
    this.#bias = biasEntries(options.logitBias);
    this.#random = seed === undefined ? Random.fromEntropy() : Random.fromSeed(seed);
    this.#temperature = temperature ?? (narrowed ? 1 : 0);
    const { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 } = options;
    this.#changesScores =
      this.#bias.length > 0 || repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
  }

  /** A sampler for another sequence: with a seed, the same draws from their beginning; without one, others. */
  clone(): Sampler {
    const twin = new Sampler(this.#options);
    twin.#shared = this.#shared;
    return twin;
  }

  /**
   * The id that follows, from logits[V], which stay as they are. Greedy takes the lowest id of several best.
   * Throws CheckpointError on NaN or Infinity among the logits, UsageError on a bias for an id that does not exist or for all ids.
   */
  next(logits: Float32Array, history: History): number {
    const { scores, max } = this.#scores(logits, history);
    return this.#temperature === 0 ? scores.indexOf(max) : this.#candidates(scores, max).pick(this.#random.uniform());
  }

  /** The probabilities [V] by which `next` chooses. Draws nothing. Throws as `next` does. */
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

  /** Scores [V] after bias and penalties, and the largest of them. */
  #scores(logits: Float32Array, history: History): { scores: Float32Array; max: number } {
    const max = maxLogit(logits);
    if (!this.#changesScores) return { scores: logits, max };
    const { scores, counts } = this.#scratch(logits.length);
    scores.set(logits);
    for (const [id, bias] of this.#bias) {
      if (id >= scores.length)
        throw new UsageError(`logitBias names id ${id}, but the last id of this model is ${scores.length - 1}.`);
      scores[id] = (scores[id] as number) + bias;
    }
    penalise(scores, history, this.#options, counts);
    let changed = Number.NEGATIVE_INFINITY;
    for (const score of scores) changed = Math.max(changed, score);
    if (!Number.isFinite(changed))
      throw new UsageError(`logitBias and penalties make the largest score ${changed}, wanted a finite one.`);
    return { scores, max: changed };
  }

  #candidates(scores: Float32Array, max: number): Candidates {
    const { topK = 0, topP = 1, minP = 0 } = this.#options;
    const { candidates } = this.#scratch(scores.length);
    candidates.take(scores, max, this.#temperature, topK);
    if (topP < 1) candidates.keepNucleus(topP);
    if (minP > 0) candidates.keepFrom(minP);
    return candidates;
  }
}
