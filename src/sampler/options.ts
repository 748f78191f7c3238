/** What a caller may ask of the sampler, and the check of it before anything is computed. */
import { quote, UsageError } from '../errors.ts';

/**
 * The same meaning and order as in transformers (generation/logits_process.py); presence and frequency penalties as OpenAI defines
 * them. With none of temperature, topK, topP and minP the likeliest token is taken. Beware when comparing: transformers' own
 * `generate` keeps only the 50 likeliest tokens (top_k) unless told otherwise; here what is not asked for is off.
 */
export interface SamplingOptions {
  /** From 0 on. 0 takes the likeliest token; 1, the model's own probabilities, when only topK, topP or minP is given. */
  readonly temperature?: number | undefined;
  /** Keeps the k likeliest tokens and those as likely as the k-th. 0 keeps all. */
  readonly topK?: number | undefined;
  /** From 0 to 1. Keeps the likeliest tokens whose probabilities first reach this sum, one at least. */
  readonly topP?: number | undefined;
  /** From 0 to 1. Keeps tokens with at least this share of the likeliest one's probability. */
  readonly minP?: number | undefined;
  /** Above 0. Scores of all ids of prompt and text are divided by it, or multiplied where negative. 1 changes nothing. */
  readonly repetitionPenalty?: number | undefined;
  /** Taken off the score of each id that was generated. */
  readonly presencePenalty?: number | undefined;
  /** Taken off the score of an id, for each time it was generated. */
  readonly frequencyPenalty?: number | undefined;
  /** Added to the scores of these ids before all else; -Infinity forbids an id. */
  readonly logitBias?: ReadonlyMap<number, number> | Readonly<Record<string, number>> | undefined;
  /** From 0 to 2^53 - 1: same seed, same draws. Without one they are different each time. Does not by itself turn on sampling. */
  readonly seed?: number | undefined;
}

interface Rule {
  readonly wanted: string;
  holds(value: number): boolean;
}

const finite: Rule = { wanted: 'a finite number', holds: Number.isFinite };
const share: Rule = { wanted: 'a number from 0 to 1', holds: (value) => value >= 0 && value <= 1 };
const whole: Rule = { wanted: 'a whole number from 0 to 2^53 - 1', holds: (v) => Number.isSafeInteger(v) && v >= 0 };

const RULES: Record<Exclude<keyof SamplingOptions, 'logitBias'>, Rule> = {
  temperature: { wanted: 'a finite number from 0 on', holds: (value) => Number.isFinite(value) && value >= 0 },
  topK: whole,
  topP: share,
  minP: share,
  repetitionPenalty: { wanted: 'a finite number above 0', holds: (value) => Number.isFinite(value) && value > 0 },
  presencePenalty: finite,
  frequencyPenalty: finite,
  seed: whole,
};

const KNOWN: readonly string[] = [...Object.keys(RULES), 'logitBias'];

/** Throws UsageError on an option that does not exist or has a value out of range. Options that are undefined are absent. */
export function checkSamplingOptions(options: SamplingOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.includes(name))
      throw new UsageError(`there is no sampling option '${name}'; known are ${KNOWN.join(', ')}.`);
    if (value === undefined) continue;
    if (name === 'logitBias') {
      biasEntries(value);
      continue;
    }
    const { wanted, holds } = RULES[name as keyof typeof RULES];
    if (typeof value !== 'number' || !holds(value))
      throw new UsageError(`${name} came as ${quote(value)}, wanted ${wanted}.`);
  }
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
    if (typeof id !== 'number' || !whole.holds(id)) {
      throw new UsageError(`logitBias has an entry for ${quote(key)}, wanted a token id, a whole number from 0 on.`);
    }
    if (typeof value !== 'number' || Number.isNaN(value) || value === Number.POSITIVE_INFINITY) {
      throw new UsageError(
        `logitBias of id ${id} came as ${quote(value)}, wanted a number, or -Infinity to forbid the id.`,
      );
    }
    return [id, value] as const;
  });
}
