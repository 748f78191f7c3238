/** Names and values of options, checked where they come in, so that a slip is told before anything is loaded or computed. */
import { quote, UsageError } from './errors.ts';
import { nearest } from './nearest.ts';

/** Which values an option takes. `undefined` counts as absent and is not asked about. */
export interface Kind {
  /** As it follows 'wanted' in a message. */
  readonly wanted: string;
  holds(value: unknown): boolean;
}

/** A kind for every option of O: a new one without its kind does not compile. */
export type Kinds<O> = { readonly [K in keyof Required<O>]: Kind };

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isWhole = (value: unknown, from: number) => Number.isSafeInteger(value) && (value as number) >= from;
const isText = (value: unknown) => typeof value === 'string';
const isId = (value: unknown) => isWhole(value, 0);
const isListOf = (value: unknown, holds: (one: unknown) => boolean) => Array.isArray(value) && value.every(holds);

const number = (wanted: string, holds: (value: number) => boolean): Kind => ({
  wanted,
  holds: (value) => typeof value === 'number' && holds(value),
});

export const kinds = {
  text: { wanted: 'a text', holds: isText },
  texts: { wanted: 'a list of texts', holds: (value) => isListOf(value, isText) },
  flag: { wanted: 'true or false', holds: (value) => typeof value === 'boolean' },
  fromZero: number('a whole number from 0 on', (value) => isWhole(value, 0)),
  fromOne: number('a whole number from 1 on', (value) => isWhole(value, 1)),
  seed: number('a whole number from 0 to 2^53 - 1', (value) => isWhole(value, 0)),
  amount: number('a number from 0 on', (value) => value >= 0),
  finite: number('a finite number', Number.isFinite),
  notNegative: number('a finite number from 0 on', (value) => Number.isFinite(value) && value >= 0),
  positive: number('a finite number above 0', (value) => Number.isFinite(value) && value > 0),
  share: number('a number from 0 to 1', (value) => value >= 0 && value <= 1),
  id: { wanted: 'a token id, a whole number from 0 on', holds: isId },
  ids: { wanted: 'a list of token ids', holds: (value) => isListOf(value, isId) },
  call: { wanted: 'a function', holds: (value) => typeof value === 'function' },
  object: { wanted: 'an object', holds: (value) => isObject(value) && !Array.isArray(value) },
  objectOrFalse: {
    wanted: 'an object, or false',
    holds: (value) => value === false || (isObject(value) && !Array.isArray(value)),
  },
  signal: { wanted: 'an AbortSignal', holds: (value) => isObject(value) && 'aborted' in value },
} as const satisfies Readonly<Record<string, Kind>>;

/** One of these texts. */
export function oneOf(texts: readonly string[]): Kind {
  return { wanted: `one of ${texts.join(', ')}`, holds: (value) => texts.includes(value as string) };
}

/** What other libraries call an option, and what it is called here. */
const CALLED_HERE: Readonly<Record<string, string>> = {
  dtype: 'weights',
  torch_dtype: 'weights',
  quantization: 'weights',
  format: 'weights',
  num_threads: 'threads',
  max_tokens: 'maxNewTokens',
  maxTokens: 'maxNewTokens',
  n_predict: 'maxNewTokens',
  do_sample: 'temperature',
  doSample: 'temperature',
  stop_strings: 'stop',
  stopStrings: 'stop',
  eos_token_id: 'stopIds',
  logprobs: 'alternatives',
  top_logprobs: 'alternatives',
  top: 'alternatives',
  abortSignal: 'signal',
};

/**
 * Throws UsageError on an option of `who` that does not exist, with all that do, and on a value of the wrong kind. No options at all
 * are good ones.
 */
export function checkOptions(who: string, options: unknown, known: Readonly<Record<string, Kind>>): void {
  if (options === undefined) return;
  if (!isObject(options) || Array.isArray(options))
    throw new UsageError(`the options of ${who} came as ${quote(options)}, wanted an object.`);
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!kind) throw new UsageError(unknownOption(who, name, Object.keys(known)));
    if (value !== undefined && !kind.holds(value))
      throw new UsageError(`${name} came as ${quote(value)}, wanted ${kind.wanted}.`);
  }
}

function unknownOption(who: string, name: string, known: readonly string[]): string {
  const here = Object.hasOwn(CALLED_HERE, name) ? CALLED_HERE[name] : undefined;
  const meant = here !== undefined && known.includes(here) ? here : nearest(name, known);
  const hint =
    meant === undefined ? '' : here === meant ? `; here it is called '${meant}'` : `; did you mean '${meant}'?`;
  return `${who} has no option '${name}'${hint}${hint.endsWith('?') ? '' : '.'} Its options are ${known.join(', ')}.`;
}

/** Those of the options that are of one of these kinds; others are for somebody else. */
export function pickOptions<K extends string, O extends { readonly [name in K]?: unknown }>(
  options: O,
  known: Readonly<Record<K, Kind>>,
): Pick<O, K> {
  return Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(known, name))) as Pick<O, K>;
}
