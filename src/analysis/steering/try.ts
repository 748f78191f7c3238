/** One prompt under steering vectors of several strengths: what is written, how words' probabilities move, and what it costs a neutral text. */
import { quote, UsageError } from '../../base/errors.ts';
import { globPattern } from '../../base/glob.ts';
import { exp } from '../../base/math.ts';
import type { Intervention, VectorTensor } from '../../interventions/intervention.ts';
import { checkOptions } from '../../options/check.ts';
import { kind, kinds, type Option, type OptionsOf, option, ownKind } from '../../options/option.ts';
import { logSoftmax } from '../../sampler/sampler.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { SWEEP_OPTIONS, sweep } from '../sweep.ts';
import { findWord, type Vocabulary, type Word, wordWithId } from '../words.ts';

const STRENGTHS = [-4, -2, -1, 0, 1, 2, 4];
const NEW_TOKENS = 16;
/** Words that rise most, and that fall most, where none are named. */
const MOVERS = 3;

const strengthList = ownKind<readonly number[]>(
  'a list of finite numbers',
  (value) => Array.isArray(value) && value.length > 0 && value.every(Number.isFinite),
);
const wordList: Option<readonly (string | number)[]> = kind(
  "a list of words: texts that are one token, as in ' good', or ids",
  ownKind(
    '',
    (value) => Array.isArray(value) && value.every((one) => typeof one === 'string' || typeof one === 'number'),
  ),
);

export const TRY_OPTIONS = {
  sites: option(kinds.texts, 'sites whose vectors are added, * for any part (default: all that have one)'),
  strengths: option(strengthList, `what the vectors are multiplied by (default: ${STRENGTHS.join(',')})`),
  words: option(
    wordList,
    `words whose probability is followed (default: ${MOVERS} that rise most and ${MOVERS} that fall most)`,
  ),
  neutral: option(kinds.text, 'a text that has nothing to do with it, whose perplexity tells what is too strong'),
  maxNewTokens: option(kinds.fromZero, 'tokens to add to the prompt at most', NEW_TOKENS),
  ...SWEEP_OPTIONS,
};

export interface TryOptions extends OptionsOf<typeof TRY_OPTIONS> {
  /** By site, as steeringVectors gives them. */
  readonly vectors: ReadonlyMap<string, VectorTensor>;
}

export interface SteeredTry {
  readonly strength: number;
  /** What follows the prompt; the likeliest tokens. */
  readonly text: string;
  readonly ids: readonly number[];
  /** Natural logarithm of the probability of each word after the prompt. */
  readonly logprobs: readonly number[];
  /** Of the neutral text. */
  readonly perplexity?: number | undefined;
}

export interface SteeringTrial {
  readonly sites: readonly string[];
  readonly words: readonly Word[];
  readonly tries: readonly SteeredTry[];
}

/** Before the weights are loaded. Throws UsageError on sites without a vector, and words that are not one token. */
export function checkTry(subject: Vocabulary & Pick<Subject, 'sites'>, { vectors, ...given }: TryOptions) {
  const { sites: patterns, strengths = STRENGTHS, words } = checkOptions('trySteering', given, TRY_OPTIONS);
  if (vectors.size === 0) throw new UsageError('there are no vectors to try; make some with steeringVectors.');
  const known = subject.sites.filter(({ name }) => vectors.has(name));
  const foreign = [...vectors.keys()].find((name) => !known.some((site) => site.name === name));
  if (foreign !== undefined)
    throw new UsageError(`the vector '${foreign}' is of no site of this model; vectors go by the names of sites.`);
  const names = known.map(({ name }) => name);
  const lost = patterns?.find((pattern) => !names.some((name) => globPattern(pattern).test(name)));
  if (lost !== undefined) throw new UsageError(`there is no vector for ${quote(lost)}; there are ${names.join(', ')}.`);
  return {
    sites: names.filter((name) => patterns?.some((pattern) => globPattern(pattern).test(name)) ?? true),
    strengths: [...strengths],
    words: words?.map((word) => findWord(subject, word)),
  };
}

/** All strengths in one batch. Throws UsageError as checkTry does. */
export async function trySteering(
  subject: Subject,
  prompt: SubjectPrompt,
  options: TryOptions,
): Promise<SteeringTrial> {
  const { vectors, ...given } = options;
  const { signal, onProgress, neutral, maxNewTokens } = checkOptions('trySteering', given, TRY_OPTIONS);
  const { sites, strengths, words: wanted } = checkTry(subject, options);
  const ids = subject.encode(prompt);
  const sets = strengths.map((by) => ({
    vectors,
    interventions: by === 0 ? [] : sites.map((site): Intervention => ({ site, add: { vector: '{site}' }, by })),
  }));
  const runs = sets.map((interventions) => ({ prompt: ids, interventions }));
  const logprobs = await sweep(subject, runs, ids.length, (logits) => logSoftmax(logits), { signal });
  const words = wanted ?? movers(logprobs, strengths).map((id) => wordWithId(subject, id));
  const total = strengths.length * (neutral === undefined ? 1 : 2);
  const texts = strengths.map(() => ({ text: '', ids: [] as number[] }));
  const generated = subject.generate(
    strengths.map(() => ids),
    { maxNewTokens, interventionsOf: sets, signal },
  );
  for await (const { index, id, text } of generated) {
    const own = texts[index] as (typeof texts)[number];
    own.text += text;
    if (id !== undefined) own.ids.push(id);
  }
  onProgress?.(strengths.length, total);
  const perplexities: number[] = [];
  for (const interventions of neutral === undefined ? [] : sets) {
    perplexities.push((await subject.score(neutral as string, { interventions, signal })).perplexity);
    onProgress?.(strengths.length + perplexities.length, total);
  }
  const tries = strengths.map((strength, i) => ({
    ...{ strength, ...(texts[i] as (typeof texts)[number]) },
    logprobs: words.map(({ id }) => logprobs[i]?.[id] as number),
    ...(neutral === undefined ? {} : { perplexity: perplexities[i] as number }),
  }));
  return { sites, words, tries };
}

/** Ids whose probability differs most between the weakest and the strongest: those that rise, then those that fall. */
function movers(logprobs: readonly Float32Array[], strengths: readonly number[]): number[] {
  const at = (pick: typeof Math.max) => logprobs[strengths.indexOf(pick(...strengths))] as Float32Array;
  const [low, high] = [at(Math.min), at(Math.max)];
  const moved = Float64Array.from(high, (x, id) => exp(x) - exp(low[id] as number));
  const order = Array.from(moved.keys()).sort((a, b) => (moved[b] as number) - (moved[a] as number));
  const rises = order.slice(0, MOVERS).filter((id) => (moved[id] as number) > 0);
  const falls = order.slice(-MOVERS).filter((id) => (moved[id] as number) < 0);
  return [...rises, ...falls];
}
