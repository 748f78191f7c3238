/** What a caller may ask of the sampler, and the check of it before anything is computed. */
import * as v from 'valibot';
import { quote, UsageError } from '../base/errors.ts';
import { checkOptions } from '../options/check.ts';
import { holds, kind, kinds, type OptionsOf, option } from '../options/option.ts';

const id = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const someIds = v.pipe(v.array(id), v.minLength(1));
const below = v.pipe(v.number(), v.ltValue(Number.POSITIVE_INFINITY));
const bias = kind('a number, or -Infinity', below);

/** transformers passes over ids that do not exist, and -1 stands in some files. */
const anyIds = kind<readonly number[]>('a list of token ids', v.array(v.pipe(v.number(), v.integer())));

/** biasEntries checks the entries, and says which of them is wrong. */
const biases = kind<ReadonlyMap<number, number> | Readonly<Record<string, number>>>(
  'a map from token ids to numbers',
  v.any(),
);

export const SAMPLING_OPTIONS = {
  /** From 0 on. 0 takes the likeliest token; 1, the model's own probabilities, when only topK, topP or their like is given. */
  temperature: option(kinds.notNegative, 'above 0: sample; 0: take the likeliest token, which is the default'),
  /** Keeps the k likeliest tokens and those as likely as the k-th. 0 keeps all. */
  topK: option(kinds.fromZero, 'sample from the k likeliest tokens; 0: from all'),
  /** From 0 to 1. Keeps the likeliest tokens whose probabilities first reach this sum, one at least. 1 keeps all. */
  topP: option(kinds.share, 'sample from the smallest set of tokens with this probability; 1: from all'),
  /** From 0 to 1. Keeps tokens with at least this share of the likeliest one's probability. 0 keeps all. */
  minP: option(kinds.share, 'sample without tokens below this share of the likeliest; 0: from all'),
  /** From 0 to 1. Keeps the most typical tokens (arXiv 2202.00666) whose probabilities first reach this sum. 1 keeps all. */
  typicalP: kinds.share,
  /** From 0 to 1. Keeps tokens with at least this probability, and the likeliest (arXiv 2210.15191). 0 keeps all. */
  epsilonCutoff: kinds.share,
  /** From 0 to 1. As epsilonCutoff, with less where the distribution is flat. 0 keeps all. */
  etaCutoff: kinds.share,
  /** Above 0. Scores of all ids of prompt and text are divided by it, or multiplied where negative. 1 changes nothing. */
  repetitionPenalty: option(kinds.positive, 'above 1: tokens seen before become less likely'),
  /** Above 0. The other way round, for ids of the prompt: above 1 they become likelier. */
  encoderRepetitionPenalty: kinds.positive,
  /** Taken off the score of each id that was generated. */
  presencePenalty: option(kinds.finite, 'taken off the score of every token generated before'),
  /** Taken off the score of an id, for each time it was generated. */
  frequencyPenalty: option(kinds.finite, 'taken off the score of a token, for each time it was generated'),
  /** No sequence of so many ids comes twice in prompt and text. 0 forbids nothing. */
  noRepeatNgramSize: kinds.fromZero,
  /** No sequence of so many ids of the prompt comes in the text. 0 forbids nothing. */
  encoderNoRepeatNgramSize: kinds.fromZero,
  /** Added to the scores of these ids before all else; -Infinity forbids an id. */
  logitBias: option(biases, 'added to the score of a token; minus infinity forbids it'),
  /** [ids, bias]: added to the score of the last of these ids where the others stand before it. */
  sequenceBias: kind<readonly (readonly [readonly number[], number])[]>(
    'a list of [ids, bias], as in [[[5, 7], -2.5]]',
    v.array(v.strictTuple([someIds, below])),
  ),
  /** Sequences of ids that never come. */
  badWordsIds: kind<readonly (readonly number[])[]>(
    'a list of lists of token ids, as in [[5], [7, 8]]',
    v.array(someIds),
  ),
  /** Prompt and text do not end before they have so many tokens. */
  minLength: kinds.fromZero,
  /** The text does not end before it has so many tokens. */
  minNewTokens: kinds.fromZero,
  /** The second id of prompt and text, when the prompt has only one. */
  forcedBosTokenId: kinds.id,
  /** One of these is the last id of a text that gets as long as it may. */
  forcedEosTokenId: kind<number | readonly number[]>('a token id, or a list of some', v.union([id, someIds])),
  /** [start, factor]: after `start` new tokens, ids that end the text become likelier by powers of `factor`. */
  exponentialDecayLengthPenalty: kind<readonly [number, number]>(
    'a whole number and a factor above 0, as in [20, 1.05]',
    v.strictTuple([v.pipe(v.number(), v.integer()), v.pipe(v.number(), v.finite(), v.gtValue(0))]),
  ),
  /** Ids that never come. */
  suppressTokens: anyIds,
  /** Ids that do not come first. */
  beginSuppressTokens: anyIds,
  /** From 0 to 2^53 - 1: same seed, same draws. Without one they are different each time. Does not by itself turn on sampling. */
  seed: option(kinds.seed, 'same seed, same text (default: a new one each time)'),
};

/**
 * The same names, meaning and order as in transformers (GenerationConfig, generation/logits_process.py), spelled as in JavaScript; presence
 * and frequency penalties as OpenAI defines them. Sampling is on when `temperature` is above 0, or when it is not given and one of topK,
 * topP, minP, typicalP, epsilonCutoff and etaCutoff leaves something out; else the likeliest token is taken. Beware when comparing:
 * transformers' own `generate` keeps only the 50 likeliest tokens (top_k) unless told otherwise; here what is not asked for is off.
 */
export interface SamplingOptions extends OptionsOf<typeof SAMPLING_OPTIONS> {}

/** Throws UsageError on an option that does not exist or has a value out of range. Options that are undefined are absent. */
export function checkSamplingOptions(options: SamplingOptions): void {
  checkOptions('sampling', options, SAMPLING_OPTIONS);
  biasEntries(options.logitBias);
}

/** 0: the likeliest token is taken. */
export function temperatureOf(options: SamplingOptions): number {
  const { temperature, topK = 0, topP = 1, minP = 0, typicalP = 1, epsilonCutoff = 0, etaCutoff = 0 } = options;
  const leavesOut = topK > 0 || topP < 1 || minP > 0 || typicalP < 1 || epsilonCutoff > 0 || etaCutoff > 0;
  return temperature ?? (leavesOut ? 1 : 0);
}

/** [id, bias] of each entry. Throws UsageError on what is no id or no bias. */
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
