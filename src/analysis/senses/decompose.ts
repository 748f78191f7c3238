/**
 * A logit as an exact sum over (sense, position): the score of token v at position i is the sum of scale * weight(l, i, j) * (E_v . C(x_j)_l) over
 * senses l and positions j <= i, since all that follows the sense weights is linear (arXiv 2305.16765, section 3; localize_pred.py).
 */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kind, kinds, type OptionsOf, option } from '../../options/option.ts';
import type { SubjectPrompt } from '../subject.ts';
import type { WordOption } from '../words.ts';
import { pieceOf, type SenseSource } from './source.ts';
import { dot, rowOf } from './vectors.ts';
import { AS_IS, aWord, encodeWord } from './word.ts';

export const DECOMPOSE_OPTIONS = {
  /** The word whose logit is taken apart; of several tokens the first. */
  word: option(aWord, 'the word whose logit is taken apart; of several tokens the first'),
  /** Take apart the difference to the logit of this word, which is the logarithm of the ratio of their probabilities. */
  against: option(aWord, 'take apart the difference to the logit of this word'),
  position: option(
    kind('a whole number', kinds.finite),
    'the token after which the word is predicted, from 0 on; negative from the end (default: the last)',
    -1,
  ),
  asIs: AS_IS,
  signal: kinds.signal,
};

export interface DecomposeOptions extends OptionsOf<typeof DECOMPOSE_OPTIONS> {
  readonly word: WordOption;
}

export interface Decomposition {
  /** Tokens of the prompt up to the position, and their texts. */
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
  readonly position: number;
  /** The token whose logit it is, and the one that it is compared with. */
  readonly target: number;
  readonly against: number | undefined;
  /** As the model computes it: the logit, or the difference. */
  readonly logit: number;
  /** What each sense (row) of each position (column) adds. */
  readonly parts: readonly (readonly number[])[];
  /** Sums of the rows and of the columns. */
  readonly bySense: readonly number[];
  readonly byToken: readonly number[];
  /** Sum of all parts. It is the logit but for rounding: keys and values kept as f16 or i8 round the senses that the model sums. */
  readonly sum: number;
}

export async function decompose(
  source: SenseSource,
  prompt: SubjectPrompt,
  options: DecomposeOptions,
): Promise<Decomposition> {
  const { word, against, position, asIs, signal } = checkOptions('decompose', options, DECOMPOSE_OPTIONS);
  if (word === undefined) throw new UsageError("decompose needs the word whose logit is taken apart: { word: 'she' }.");
  const all = source.encode(prompt);
  const at = positionIn(all.length, position);
  const ids = all.slice(0, at + 1); // later tokens change nothing here
  const first = (some: WordOption) => encodeWord(source, some, { asIs }).ids[0] as number;
  const target = first(word);
  const other = against === undefined ? undefined : first(against);
  const captured = await source.capture(ids, { sites: ['senses', 'senseWeights', 'hidden'], signal });
  const numbers = (site: string) => captured.get(site)?.data as Float32Array;
  const { dModel } = source.facts;
  const rows = await source.headRows(other === undefined ? [target] : [target, other]);
  const direction = other === undefined ? rows : rowOf(rows, 0, dModel).map((x, i) => x - (rows[dModel + i] as number));
  const parts = senseParts(numbers('senseWeights'), numbers('senses'), direction, source);
  const hidden = rowOf(numbers('hidden'), at, dModel);
  let logit = Number.NaN;
  const visit = (_: number, logits: Float32Array) => {
    logit = (logits[target] as number) - (other === undefined ? 0 : (logits[other] as number));
  };
  await source.unembed(hidden, visit, { signal });
  const bySense = parts.map((row) => row.reduce((sum, part) => sum + part, 0));
  return {
    ids,
    pieces: ids.map((id) => pieceOf(source, id)),
    position: at,
    target,
    against: other,
    logit,
    parts,
    bySense,
    byToken: ids.map((_, j) => parts.reduce((sum, row) => sum + (row[j] as number), 0)),
    sum: bySense.reduce((sum, part) => sum + part, 0),
  };
}

/** A position from 0 on; negative ones count from the end. Throws UsageError on one that is not in a text of so many tokens. */
export function positionIn(length: number, position = -1): number {
  const at = position < 0 ? length + position : position;
  if (Number.isInteger(at) && at >= 0 && at < length) return at;
  throw new UsageError(`position ${position} does not exist: the prompt has ${length} tokens.`);
}

/** Of the last of T positions: weights[Z, T, T], senses[T, Z, M], direction[M] -> [Z][T] */
export function senseParts(
  weights: Float32Array,
  senses: Float32Array,
  direction: Float32Array,
  { senseCount, senseScale }: Pick<SenseSource, 'senseCount' | 'senseScale'>,
): number[][] {
  const width = direction.length;
  const length = senses.length / (senseCount * width);
  return Array.from({ length: senseCount }, (_, l) =>
    Array.from({ length }, (_, j) => {
      const weight = weights[(l * length + length - 1) * length + j] as number;
      return senseScale * weight * dot(rowOf(senses, j * senseCount + l, width), direction);
    }),
  );
}
