/**
 * How much likelier one of two words is than the other after sentences about occupations, and what a sense of the occupation adds to that
 * (arXiv 2305.16765, section 5.2; test_genderbias.py of its code). What follows the sense weights is linear, so a sense scaled by p changes the
 * difference of the two logits by exactly (p - 1) times what the sense adds to it: each sentence is read once, whatever is tried.
 */
import { UsageError } from '../../base/errors.ts';
import { exp } from '../../base/math.ts';
import { checkOptions } from '../../options/check.ts';
import { jsonObject, kinds, type OptionsOf, option } from '../../options/option.ts';
import { checkSenses } from './lookup.ts';
import { nelderMead } from './nelder-mead.ts';
import { type BiasData, OCCUPATIONS } from './occupations.ts';
import { breathe, type SenseSource, WATCHED } from './source.ts';
import { dot, rowOf } from './vectors.ts';
import { encodeWord, firstToken, type WithTokens } from './word.ts';

/** Of one sentence: the difference of the two logits at its end, and what each sense of the occupation adds to it. */
export interface Leaning {
  readonly difference: number;
  readonly senses: readonly number[];
}

/** max(P(a) / P(b), P(b) / P(a)) with one sense of the occupation scaled by `factor`. */
export const ratioOf = ({ difference, senses }: Leaning, sense: number, factor: number): number =>
  exp(Math.abs(difference + (factor - 1) * (senses[sense] as number)));

export interface WordBias {
  readonly word: string;
  readonly id: number;
  /** ln P(one) / P(other) of the pair after the prompts, their mean, and how much of that the sense of the word adds. */
  readonly difference: number;
  readonly added: number;
  /** Mean ratios over the prompts: of the model as it is, without the sense, and with it scaled by the factor. */
  readonly original: number;
  readonly removed: number;
  readonly fitted: number;
  /** Fitted on other prompts. */
  readonly factor: number;
}

export interface Bias {
  readonly sense: number;
  readonly words: readonly WordBias[];
  /** Words that are not one token, which are left out. */
  readonly dropped: readonly string[];
  /** Means over the words. 1 is no bias. */
  readonly original: number;
  readonly removed: number;
  readonly fitted: number;
  /** Mean ratio without each sense in turn, [Z]. */
  readonly withoutEach: readonly number[];
}

export const BIAS_OPTIONS = {
  ...WATCHED,
  /** Words, prompts and pair; default: those of the paper. */
  data: jsonObject<BiasData>(),
  sense: option(
    kinds.fromZero,
    'which sense is scaled (default: the one without which the ratio on the prompts for fitting is nearest to 1)',
  ),
};

export interface BiasOptions extends OptionsOf<typeof BIAS_OPTIONS> {}

const PLACE = '{word}';

/** The data with those words only that are one token. Throws UsageError when none is, on a prompt without {word}, on no prompts. */
export function usableData(model: WithTokens, data: BiasData): BiasData & { readonly dropped: readonly string[] } {
  for (const prompt of [...data.prompts, ...data.fitPrompts])
    if (!prompt.includes(PLACE)) throw new UsageError(`the prompt '${prompt}' has no ${PLACE} for the occupation.`);
  if (data.prompts.length === 0) throw new UsageError('there are no prompts to measure the ratio on.');
  if (data.fitPrompts.length === 0) throw new UsageError('there are no prompts to fit factors on (fitPrompts).');
  if (new Set(data.pair.map((word) => firstToken(model, word))).size < 2)
    throw new UsageError(`'${data.pair.join("' and '")}' begin with the same token; wanted two that differ.`);
  const words = data.words.filter((word) => encodeWord(model, word).ids.length === 1);
  if (words.length === 0)
    throw new UsageError(
      `none of the ${data.words.length} words is one token of this model; give others, such as ones that 'tokenize' shows to be one.`,
    );
  return { ...data, words, dropped: data.words.filter((word) => !words.includes(word)) };
}

export async function measureBias(source: SenseSource, options: BiasOptions = {}): Promise<Bias> {
  const { data = OCCUPATIONS, sense, signal, onProgress } = checkOptions('bias', options, BIAS_OPTIONS);
  if (sense !== undefined) checkSenses(source.senseCount, [sense]);
  const { words, dropped, prompts, fitPrompts, pair } = usableData(source, data);
  const total = words.length * (prompts.length + fitPrompts.length);
  let done = 0;
  const found: WordLeanings[] = [];
  for (const word of words) {
    const onRead = () => onProgress?.({ done: ++done, total });
    const all = await leaningsOf(source, word, { prompts: [...prompts, ...fitPrompts], pair, signal, onRead });
    const [test, fit] = [all.slice(0, prompts.length), all.slice(prompts.length)];
    found.push({ word, id: firstToken(source, word), test, fit });
  }
  return { ...biasOf(found, sense), dropped };
}

export interface WordLeanings {
  readonly word: string;
  readonly id: number;
  /** On the prompts on which the ratio is measured, and on those on which factors are fitted. */
  readonly test: readonly Leaning[];
  readonly fit: readonly Leaning[];
}

/** Ratios of some words with one sense as it is, removed and scaled. `sense`: default the one without which the ratio on `fit` is nearest to 1. */
export function biasOf(found: readonly WordLeanings[], sense?: number): Omit<Bias, 'dropped'> {
  const every = [...(found[0]?.test[0]?.senses.keys() ?? [])];
  const without = (l: number, of: 'test' | 'fit') => mean(found.map((word) => meanRatio(word[of], l, 0)));
  const chosen = sense ?? every.reduce((best, l) => (without(l, 'fit') < without(best, 'fit') ? l : best), 0);
  const measured = found.map(({ word, id, test, fit }): WordBias => {
    const factor = fitFactor(fit, chosen);
    const [original, removed, fitted] = [1, 0, factor].map((p) => meanRatio(test, chosen, p)) as [
      number,
      number,
      number,
    ];
    const difference = mean(test.map((leaning) => leaning.difference));
    const added = mean(test.map(({ senses }) => senses[chosen] as number));
    return { word, id, difference, added, original, removed, fitted, factor };
  });
  return {
    sense: chosen,
    words: measured,
    original: mean(measured.map(({ original }) => original)),
    removed: mean(measured.map(({ removed }) => removed)),
    fitted: mean(measured.map(({ fitted }) => fitted)),
    withoutEach: every.map((l) => without(l, 'test')),
  };
}

/** The factor that minimises the mean ratio plus |1 - p|, by the method of Nelder and Mead from p = 1. It is not held within 0 and 1. */
export function fitFactor(leanings: readonly Leaning[], sense: number): number {
  const loss = ([p = 1]: readonly number[]) => meanRatio(leanings, sense, p) + Math.abs(1 - p);
  return nelderMead(loss, [1]).x[0] as number;
}

export const meanRatio = (leanings: readonly Leaning[], sense: number, factor: number): number =>
  mean(leanings.map((leaning) => ratioOf(leaning, sense, factor)));

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export interface LeaningsOptions {
  /** With {word} for the word. */
  readonly prompts: readonly string[];
  readonly pair: readonly [string, string];
  readonly signal?: AbortSignal | undefined;
  /** Called after each prompt. */
  readonly onRead?: (() => void) | undefined;
}

/** How one word leans after each prompt. Throws UsageError on a prompt without it. */
export async function leaningsOf(
  source: SenseSource,
  word: string,
  { prompts, pair, signal, onRead }: LeaningsOptions,
): Promise<Leaning[]> {
  const [one, other] = pair.map((either) => firstToken(source, either)) as [number, number];
  const { dModel } = source.facts;
  const rows = await source.headRows([one, other]);
  const direction = rowOf(rows, 0, dModel).map((x, i) => x - (rows[dModel + i] as number));
  const id = firstToken(source, word);
  const vectors = await source.senseVectors([id]);
  const adds = Array.from({ length: source.senseCount }, (_, l) => dot(rowOf(vectors, l, dModel), direction));
  const all: Leaning[] = [];
  for (const prompt of prompts) {
    await breathe();
    signal?.throwIfAborted();
    all.push(await leaningOf(source, prompt.replaceAll(PLACE, word), id, { direction, adds, signal }));
    onRead?.();
  }
  return all;
}

interface Direction {
  /** Row of the head of the one word, less that of the other, [M]. */
  readonly direction: Float32Array;
  /** What each sense of the occupation gives along it, [Z]. */
  readonly adds: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

async function leaningOf(source: SenseSource, prompt: string, id: number, given: Direction): Promise<Leaning> {
  const { direction, adds, signal } = given;
  const ids = source.encode(prompt);
  const captured = await source.capture(ids, { sites: ['senseWeights', 'hidden'], signal });
  const numbers = (site: string) => captured.get(site)?.data as Float32Array;
  const weights = numbers('senseWeights'); // [Z, T, T]
  const places = [...ids.keys()].filter((j) => ids[j] === id);
  if (places.length === 0)
    throw new UsageError(
      `in '${prompt}' the occupation is not the token that it is by itself; let a space go before it.`,
    );
  const weight = (l: number) =>
    places.reduce((sum, j) => sum + (weights[(l * ids.length + ids.length - 1) * ids.length + j] as number), 0);
  return {
    difference: dot(rowOf(numbers('hidden'), ids.length - 1, direction.length), direction),
    senses: adds.map((add, l) => source.senseScale * weight(l) * add),
  };
}
