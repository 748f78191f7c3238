/** What a caller may ask of the sampler, and the check of it before anything is computed. */
import { quote, UsageError } from '../errors.ts';
import { checkOptions, type Kind, type Kinds, kinds } from '../options.ts';

/**
 * The same names, meaning and order as in transformers (GenerationConfig, generation/logits_process.py), spelled as in JavaScript; presence
 * and frequency penalties as OpenAI defines them. Sampling is on when `temperature` is above 0, or when it is not given and one of topK,
 * topP, minP, typicalP, epsilonCutoff and etaCutoff leaves something out; else the likeliest token is taken. Beware when comparing:
 * transformers' own `generate` keeps only the 50 likeliest tokens (top_k) unless told otherwise; here what is not asked for is off.
 */
export interface SamplingOptions {
  /** From 0 on. 0 takes the likeliest token; 1, the model's own probabilities, when only topK, topP or their like is given. */
  readonly temperature?: number | undefined;
  /** Keeps the k likeliest tokens and those as likely as the k-th. 0 keeps all. */
  readonly topK?: number | undefined;
  /** From 0 to 1. Keeps the likeliest tokens whose probabilities first reach this sum, one at least. 1 keeps all. */
  readonly topP?: number | undefined;
  /** From 0 to 1. Keeps tokens with at least this share of the likeliest one's probability. 0 keeps all. */
  readonly minP?: number | undefined;
  /** From 0 to 1. Keeps the most typical tokens (arXiv 2202.00666) whose probabilities first reach this sum. 1 keeps all. */
  readonly typicalP?: number | undefined;
  /** From 0 to 1. Keeps tokens with at least this probability, and the likeliest (arXiv 2210.15191). 0 keeps all. */
  readonly epsilonCutoff?: number | undefined;
  /** From 0 to 1. As epsilonCutoff, with less where the distribution is flat. 0 keeps all. */
  readonly etaCutoff?: number | undefined;
  /** Above 0. Scores of all ids of prompt and text are divided by it, or multiplied where negative. 1 changes nothing. */
  readonly repetitionPenalty?: number | undefined;
  /** Above 0. The other way round, for ids of the prompt: above 1 they become likelier. */
  readonly encoderRepetitionPenalty?: number | undefined;
  /** Taken off the score of each id that was generated. */
  readonly presencePenalty?: number | undefined;
  /** Taken off the score of an id, for each time it was generated. */
  readonly frequencyPenalty?: number | undefined;
  /** No sequence of so many ids comes twice in prompt and text. 0 forbids nothing. */
  readonly noRepeatNgramSize?: number | undefined;
  /** No sequence of so many ids of the prompt comes in the text. 0 forbids nothing. */
  readonly encoderNoRepeatNgramSize?: number | undefined;
  /** Added to the scores of these ids before all else; -Infinity forbids an id. */
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<string, number>> | undefined;
  /** [ids, bias]: added to the score of the last of these ids where the others stand before it. */
  readonly sequenceBias?: readonly (readonly [readonly number[], number])[] | undefined;
  /** Sequences of ids that never come. */
  readonly badWordsIds?: readonly (readonly number[])[] | undefined;
  /** Prompt and text do not end before they have so many tokens. */
  readonly minLength?: number | undefined;
  /** The text does not end before it has so many tokens. */
  readonly minNewTokens?: number | undefined;
  /** The second id of prompt and text, when the prompt has only one. */
  readonly forcedBosTokenId?: number | undefined;
  /** One of these is the last id of a text that gets as long as it may. */
  readonly forcedEosTokenId?: number | readonly number[] | undefined;
  /** [start, factor]: after `start` new tokens, ids that end the text become likelier by powers of `factor`. */
  readonly exponentialDecayLengthPenalty?: readonly [number, number] | undefined;
  /** Ids that never come. */
  readonly suppressTokens?: readonly number[] | undefined;
  /** Ids that do not come first. */
  readonly beginSuppressTokens?: readonly number[] | undefined;
  /** From 0 to 2^53 - 1: same seed, same draws. Without one they are different each time. Does not by itself turn on sampling. */
  readonly seed?: number | undefined;
}

const isIds = kinds.ids.holds;
const isPair = (value: unknown): value is readonly [unknown, unknown] => Array.isArray(value) && value.length === 2;

/** transformers passes over ids that do not exist, and -1 stands in some files. */
const wholeNumbers: Kind = {
  wanted: 'a list of token ids',
  holds: (value) => Array.isArray(value) && value.every(Number.isInteger),
};

export const SAMPLING_KINDS: Kinds<SamplingOptions> = {
  temperature: kinds.notNegative,
  topK: kinds.fromZero,
  topP: kinds.share,
  minP: kinds.share,
  typicalP: kinds.share,
  epsilonCutoff: kinds.share,
  etaCutoff: kinds.share,
  repetitionPenalty: kinds.positive,
  encoderRepetitionPenalty: kinds.positive,
  presencePenalty: kinds.finite,
  frequencyPenalty: kinds.finite,
  noRepeatNgramSize: kinds.fromZero,
  encoderNoRepeatNgramSize: kinds.fromZero,
  logitBias: { wanted: 'a map from token ids to numbers', holds: () => true }, // biasEntries tells more
  sequenceBias: {
    wanted: 'a list of [ids, bias], as in [[[5, 7], -2.5]]',
    holds: (value) =>
      Array.isArray(value) &&
      value.every((one) => isPair(one) && isIds(one[0]) && (one[0] as unknown[]).length > 0 && isBias(one[1])),
  },
  badWordsIds: {
    wanted: 'a list of lists of token ids, as in [[5], [7, 8]]',
    holds: (value) => Array.isArray(value) && value.every((one) => isIds(one) && (one as unknown[]).length > 0),
  },
  minLength: kinds.fromZero,
  minNewTokens: kinds.fromZero,
  forcedBosTokenId: kinds.id,
  forcedEosTokenId: {
    wanted: 'a token id, or a list of some',
    holds: (value) => kinds.id.holds(value) || (isIds(value) && (value as unknown[]).length > 0),
  },
  exponentialDecayLengthPenalty: {
    wanted: 'a whole number and a factor above 0, as in [20, 1.05]',
    holds: (value) => isPair(value) && Number.isInteger(value[0]) && kinds.positive.holds(value[1]),
  },
  suppressTokens: wholeNumbers,
  beginSuppressTokens: wholeNumbers,
  seed: kinds.seed,
};

/** Throws UsageError on an option that does not exist or has a value out of range. Options that are undefined are absent. */
export function checkSamplingOptions(options: SamplingOptions): void {
  checkOptions('sampling', options, SAMPLING_KINDS);
  biasEntries(options.logitBias);
}

/** 0: the likeliest token is taken. */
export function temperatureOf(options: SamplingOptions): number {
  const { temperature, topK = 0, topP = 1, minP = 0, typicalP = 1, epsilonCutoff = 0, etaCutoff = 0 } = options;
  const leavesOut = topK > 0 || topP < 1 || minP > 0 || typicalP < 1 || epsilonCutoff > 0 || etaCutoff > 0;
  return temperature ?? (leavesOut ? 1 : 0);
}

function isBias(value: unknown): value is number {
  return typeof value === 'number' && !Number.isNaN(value) && value !== Number.POSITIVE_INFINITY;
}

/** [id, bias] of each entry. Throws UsageError on what is no id or no bias. */
export function biasEntries(bias: SamplingOptions['logitBias']): readonly (readonly [number, number])[] {
  if (bias === undefined) return [];
  if (typeof bias !== 'object' || bias === null || Array.isArray(bias)) {
    throw new UsageError(`logitBias came as ${quote(bias)}, wanted a map from token ids to numbers.`);
  }
  const entries: Iterable<[unknown, unknown]> = bias instanceof Map ? bias : Object.entries(bias);
  return Array.from(entries, ([key, value]) => {
    const id = typeof key === 'string' && /^\d+$/.test(key) ? Number(key) : key;
    if (typeof id !== 'number' || !kinds.id.holds(id)) {
      throw new UsageError(`logitBias has an entry for ${quote(key)}, wanted a token id, a whole number from 0 on.`);
    }
    if (!isBias(value)) {
      throw new UsageError(
        `logitBias of id ${id} came as ${quote(value)}, wanted a number, or -Infinity to forbid the id.`,
      );
    }
    return [id, value] as const;
  });
}
