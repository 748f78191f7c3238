/**
 * The logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"): which words a model would predict if it ended after an earlier
 * layer, its final norm and head reading that layer's residual stream. In a Backpack the layer takes the place of the trunk's output.
 */
import { UsageError } from '../base/errors.ts';
import { exp } from '../base/math.ts';
import { checkOptions } from '../options/check.ts';
import { kinds, type OptionsOf, option } from '../options/option.ts';
import { logSoftmax, logSumExp, topLogprobs } from '../sampler/sampler.ts';
import { INTERVENTIONS_OPTION } from './interventions-option.ts';
import { LAYERS_OPTION } from './layers.ts';
import { findPosition, positionList } from './positions.ts';
import type { Subject, SubjectPrompt } from './subject.ts';
import { aWord, findWord, type Vocabulary, type Word, wordsOf, wordWithId } from './words.ts';

export const LENS_OPTIONS = {
  /** Names of sites whose values are [T, M], `*` for any part; default: the residual stream before the first block and after every block. */
  sites: option(kinds.texts, 'sites to look at, * for any part (default: the residual stream after every block)'),
  layers: LAYERS_OPTION,
  positions: option(positionList, 'places in the text to look at, from 0 on; -1 is the last (default: all)'),
  top: option(kinds.fromZero, 'likeliest words at each place', 5),
  word: option(aWord, "also the rank and probability of this word: a text that is one token, as in ' she', or an id"),
  /** In force while the model reads the text. Those that begin within it, and those on `logits`, are refused. */
  interventions: INTERVENTIONS_OPTION,
  signal: kinds.signal,
};

export interface LensOptions extends OptionsOf<typeof LENS_OPTIONS> {}

export interface LensWord extends Word {
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}

/** What the model would predict at one place from one site. */
export interface LensReading {
  readonly top: readonly LensWord[];
  /** Divergence of the final distribution from this one, KL(final || this), in nats: 0 where both are the same. */
  readonly klFromFinal: number;
  /** Of this distribution, in nats. */
  readonly entropy: number;
  /** Of the word that was asked for; rank 1 is the likeliest. */
  readonly word?: { readonly rank: number; readonly logprob: number } | undefined;
}

export interface LogitLens {
  /** Of the text. */
  readonly tokens: readonly Word[];
  readonly positions: readonly number[];
  readonly word?: Word | undefined;
  /** In the order of the model; the last is its output, `final`. */
  readonly sites: readonly string[];
  /** For each site, for each position. */
  readonly readings: readonly (readonly LensReading[])[];
}

/** The name of the model's own prediction among the sites. */
export const FINAL = 'final';

/** What a lens looks at, found before the weights are loaded. Throws UsageError on what does not exist. */
export function checkLens(
  subject: Vocabulary & Pick<Subject, 'sites'>,
  tokens: number,
  options: LensOptions,
): { readonly sites: readonly string[]; readonly positions: readonly number[]; readonly word: Word | undefined } {
  const { sites: given, layers, positions, word } = checkOptions('logitLens', options, LENS_OPTIONS);
  if (given && layers) throw new UsageError('sites and layers both say where to look; give one of them.');
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  const all = subject.sites
    .filter(({ name }) => /^blocks\.(0\.residPre|\d+\.residPost)$/.test(name))
    .map(({ name }) => name);
  const chosen = layers?.map((layer) => {
    const site = `blocks.${layer}.residPost`;
    if (!all.includes(site))
      throw new UsageError(`layer ${layer} does not exist: this model has ${all.length - 1} layers, from 0 on.`);
    return site;
  });
  return {
    sites: given ?? chosen ?? all,
    positions: (positions ?? Array.from({ length: tokens }, (_, i) => i)).map((one) => findPosition(one, tokens)),
    word: word === undefined ? undefined : findWord(subject, word),
  };
}

/** Rows of logits that are compared at once: those of the model's own prediction are kept meanwhile. */
const ROWS = 16;

/** Throws UsageError as checkLens does. */
export async function logitLens(
  subject: Subject,
  prompt: SubjectPrompt,
  options: LensOptions = {},
): Promise<LogitLens> {
  const { top, interventions, signal } = checkOptions('logitLens', options, LENS_OPTIONS);
  const ids = subject.encode(prompt);
  const { sites, positions, word } = checkLens(subject, ids.length, options);
  const hidden = await subject.readout(prompt, { sites, interventions, signal });
  const final = await subject.capture(prompt, { sites: ['hidden'], interventions, signal });
  const { dModel, vocabSize } = subject.facts;
  const names = [...hidden.keys(), FINAL];
  const values = [...hidden.values(), ...final.values()].map(({ data }) => data as Float32Array);
  const readings: LensReading[][] = names.map(() => []);
  for (let from = 0; from < positions.length; from += ROWS) {
    const rows = positions.slice(from, from + ROWS);
    const finals: Final[] = [];
    // The model's own prediction comes first: the others are compared with it.
    for (let site = names.length - 1; site >= 0; site--) {
      const visit = (first: number, logits: Float32Array) => {
        for (let row = 0; row * vocabSize < logits.length; row++) {
          const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize);
          const logprobs = logSoftmax(own);
          if (names[site] === FINAL) finals.push({ logprobs, probabilities: logprobs.map(exp) });
          (readings[site] as LensReading[]).push({
            top: topLogprobs(own, top).map((one) => ({ ...wordWithId(subject, one.id), ...one })),
            ...compared(logprobs, finals[first + row] as Final),
            ...(word ? { word: rankOf(own, word) } : {}),
          });
        }
      };
      await subject.unembed(rowsOf(values[site] as Float32Array, rows, dModel), visit, { signal });
    }
  }
  return { tokens: wordsOf(subject, ids), positions, ...(word ? { word } : {}), sites: names, readings };
}

interface Final {
  readonly logprobs: Float32Array;
  readonly probabilities: Float32Array;
}

function rowsOf(values: Float32Array, rows: readonly number[], width: number): Float32Array {
  const some = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) some.set(values.subarray(row * width, (row + 1) * width), i * width);
  return some;
}

function compared(logprobs: Float32Array, final: Final): Pick<LensReading, 'klFromFinal' | 'entropy'> {
  let [kl, entropy] = [0, 0];
  for (let id = 0; id < logprobs.length; id++) {
    const [here, p] = [logprobs[id] as number, final.probabilities[id] as number];
    if (p > 0) kl += p * ((final.logprobs[id] as number) - here);
    const q = exp(here);
    if (q > 0) entropy -= q * here;
  }
  return { klFromFinal: Math.max(0, kl), entropy };
}

function rankOf(logits: Float32Array, { id }: Word): { rank: number; logprob: number } {
  const own = logits[id] as number;
  let rank = 1;
  for (let other = 0; other < logits.length; other++) if ((logits[other] as number) > own) rank++;
  return { rank, logprob: own - logSumExp(logits) };
}
