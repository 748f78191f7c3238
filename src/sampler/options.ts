/** The options of the sampler, and their checks. */
import * as v from 'valibot';
import { quote, UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { holds, kind, kinds, type OptionsOf, option } from '../options/option.ts';

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const someIds = v.pipe(v.array(id), v.minLength(1));
const below = v.pipe(v.number(), v.ltValue(Number.POSITIVE_INFINITY));
const bias = kind('a number, or -Infinity', below);

/** transformers ignores ids that do not exist, and some files have -1. */
const anyIds = kind<readonly number[]>('a list of token ids', v.array(v.pipe(v.number(), v.integer())));

/** The entries are checked by biasEntries, which names the wrong one. */
const biases = kind<ReadonlyMap<number, number> | Readonly<Record<string, number>>>(
  'a map from token ids to numbers',
  v.any(),
);

export const SAMPLING_OPTIONS = {
  /**
   * At least 0. 0 takes the most likely token. Default 0; 1 (the model's own probabilities) when another sampling option such as topK or
   * topP is given.
   */
  temperature: option(kinds.notNegative, 'above 0: sample; 0 (default): take the most likely token'),
  /** Keeps the k most likely tokens, and those as likely as the k-th. 0 keeps all. */
  topK: option(kinds.fromZero, 'sample from the k most likely tokens; 0: from all'),
  /** From 0 to 1. Keeps the most likely tokens until their probabilities reach this sum, at least one. 1 keeps all. */
  topP: option(kinds.share, 'sample from the smallest set of tokens with this probability; 1: from all'),
  /** From 0 to 1. Keeps tokens with at least this share of the most likely one's probability. 0 keeps all. */
  minP: option(kinds.share, 'exclude tokens below this share of the largest probability; 0: none'),
  /** From 0 to 1. Keeps the most typical tokens (arXiv 2202.00666) until their probabilities reach this sum. 1 keeps all. */
  typicalP: kinds.share,
  /** From 0 to 1. Keeps tokens with at least this probability, and the most likely one (arXiv 2210.15191). 0 keeps all. */
  epsilonCutoff: kinds.share,
  /** From 0 to 1. As epsilonCutoff, with a lower limit for flat distributions. 0 keeps all. */
  etaCutoff: kinds.share,
  /** Above 0. Positive scores of all ids in prompt and text are divided by it, negative ones multiplied. 1 changes nothing. */
  repetitionPenalty: option(kinds.positive, 'above 1: tokens seen before become less likely'),
  /** Above 0. The inverse for ids of the prompt: above 1 they become more likely. */
  encoderRepetitionPenalty: kinds.positive,
  /** Subtracted from the score of each id that was generated. */
  presencePenalty: option(kinds.finite, 'subtracted from the score of every token generated before'),
  /** Subtracted from the score of an id, for each time it was generated. */
  frequencyPenalty: option(kinds.finite, 'subtracted from the score of a token, for each time it was generated'),
  /** No sequence of this many ids occurs twice in prompt and text. 0 forbids nothing. */
  noRepeatNgramSize: kinds.fromZero,
  /** No sequence of this many ids of the prompt occurs in the text. 0 forbids nothing. */
  encoderNoRepeatNgramSize: kinds.fromZero,
  /** Added to the scores of these ids, before all other options; -Infinity forbids an id. */
  logitBias: option(biases, 'added to the score of a token; minus infinity forbids it'),
  /** [ids, bias]: added to the score of the last of these ids when the others come just before it. */
  sequenceBias: kind<readonly (readonly [readonly number[], number])[]>(
    'a list of [ids, bias], as in [[[5, 7], -2.5]]',
    v.array(v.strictTuple([someIds, below])),
  ),
  /** Sequences of ids that are forbidden. */
  badWordsIds: kind<readonly (readonly number[])[]>(
    'a list of lists of token ids, as in [[5], [7, 8]]',
    v.array(someIds),
  ),
  /** Least number of tokens of prompt and text together. */
  minLength: kinds.fromZero,
  /** Least number of new tokens. */
  minNewTokens: kinds.fromZero,
  /** The second id of prompt and text, when the prompt has only one. */
  forcedBosTokenId: kinds.id,
  /** The last id of a text that reaches its maximal length is one of these. */
  forcedEosTokenId: kind<number | readonly number[]>('a token id, or a list of some', v.union([id, someIds])),
  /** [start, factor]: after `start` new tokens, ids that end the text become likelier by powers of `factor`. */
  exponentialDecayLengthPenalty: kind<readonly [number, number]>(
    'a whole number and a factor above 0, as in [20, 1.05]',
    v.strictTuple([v.pipe(v.number(), v.integer()), v.pipe(v.number(), v.finite(), v.gtValue(0))]),
  ),
  /** Ids that are forbidden. */
  suppressTokens: anyIds,
  /** Ids that are forbidden as the first new token. */
  beginSuppressTokens: anyIds,
  /** From 0 to 2^53 - 1. The same seed gives the same samples; without one they differ in every call. Does not turn on sampling. */
  seed: option(kinds.seed, 'same seed, same text (default: a new one each time)'),
};

/**
 * The same names, meaning and order as in transformers (GenerationConfig, generation/logits_process.py), spelled as in JavaScript; presence
 * and frequency penalties as OpenAI defines them. Sampling is on when `temperature` is above 0, or when it is not given and one of topK,
 * topP, minP, typicalP, epsilonCutoff and etaCutoff leaves something out; else the likeliest token is taken. Beware when comparing:
 * transformers' own `generate` keeps only the 50 likeliest tokens (top_k) unless told otherwise; here what is not asked for is off.
 */
export interface SamplingOptions extends OptionsOf<typeof SAMPLING_OPTIONS> {}

/** Throws UsageError on an unknown option or a wrong value. Options that are undefined count as absent. */
export function checkSamplingOptions(options: SamplingOptions): void {
  checkOptions('sampling', options, SAMPLING_OPTIONS);
  biasEntries(options.logitBias);
}

/** The temperature in effect; 0: take the most likely token. */
export function temperatureOf(options: SamplingOptions): number {
  const { temperature, topK = 0, topP = 1, minP = 0, typicalP = 1, epsilonCutoff = 0, etaCutoff = 0 } = options;
  const leavesOut = topK > 0 || topP < 1 || minP > 0 || typicalP < 1 || epsilonCutoff > 0 || etaCutoff > 0;
  return temperature ?? (leavesOut ? 1 : 0);
}

/** The entries as [id, bias]. Throws UsageError on a wrong id or bias. */
export function biasEntries(given: SamplingOptions['logitBias']): readonly (readonly [number, number])[] {
  if (given === undefined) return [];
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new UsageError(`logitBias came as ${quote(given)}, wanted a map from token ids to numbers.`);
  }
  const entries: Iterable<[unknown, unknown]> = given instanceof Map ? given : Object.entries(given);
  return Array.from(entries, ([key, value]) => {
    const id = typeof key === 'string' && /^\d+$/.test(key) ? Number(key) : key;
    if (typeof id !== 'number' || !holds(kinds.id, id)) {
      throw new UsageError(`logitBias has an entry for ${quote(key)}, wanted a token id, a whole number from 0 on.`);
    }
    if (!holds(bias, value)) {
      throw new UsageError(
        `logitBias of id ${id} came as ${quote(value)}, wanted a number, or -Infinity to forbid the id.`,
      );
    }
    return [id, value as number] as const;
  });
}
