/**
 * How topic control weighs senses (arXiv 2305.16765, section 5.1 and appendix F; rank_vocab.py and intervened_models.py of its code): every sense of
 * every word has a score for the topic; by the quantile in which it lies it gets one of four weights; and in every step these are annealed
 * towards 1 for senses whose topic the text has reached.
 */
import { exp } from '../../base/math.ts';

/** Weights above the 0.95, 0.80 and 0.60 quantiles of all scores, and below. */
export type TopicStrength = readonly [number, number, number, number];

/** The paper's strengths 0 to 3. */
export const TOPIC_STRENGTHS: readonly TopicStrength[] = [
  [1, 1, 1, 1],
  [1.5, 1.5, 1.3, 1],
  [2.2, 2.2, 1.5, 1],
  [3.3, 3.3, 3, 1],
];

export const TOPIC_QUANTILES = [0.95, 0.8, 0.6] as const;

/** Between the two nearest of the sorted values in proportion, as numpy.quantile and torch.quantile. NaN of no values. */
export function quantiles(values: ArrayLike<number>, at: readonly number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return at.map((q) => {
    const place = q * (sorted.length - 1);
    const below = Math.floor(place);
    const low = sorted[below] ?? Number.NaN;
    const high = sorted[below + 1] ?? low;
    return low + (place - below) * (high - low);
  });
}

/** The weight of a sense with this score. */
export function topicWeight(score: number, bounds: readonly number[], strength: TopicStrength): number {
  const place = bounds.findIndex((bound) => score > bound);
  return strength[place < 0 ? 3 : place] as number;
}

/**
 * f of the annealing: the largest weight / 7.5, as in the authors' code (their text has the inverse).
 */
export const annealingRate = (strength: TopicStrength): number => Math.max(...strength) / 7.5;

/**
 * A weight as it counts now: between it and 1. `reached`: a, the sum over tokens of the text so far of max(0, what this sense gives to the token's
 * score); `position` of the token whose sense it is, from 0. b = sigmoid(6 - rate * a) * (1 + position / 100) may be above 1.
 */
export function annealed(weight: number, reached: number, position: number, rate: number): number {
  const share = (1 + position / 100) / (1 + exp(rate * reached - 6));
  return share * weight + (1 - share);
}
