/** Topic control (arXiv 2305.16765, section 5.1): how much each sense of each token of a text counts, anew for every step of a generation. */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { holds, kinds, type OptionsOf, option, ownKind } from '../../options/option.ts';
import type { WordOption } from '../words.ts';
import { type SenseSource, wordIds } from './source.ts';
import { scoresOf, TOPIC_SCORE_OPTIONS, type TopicScores, topicScores } from './topic-scores.ts';
import {
  annealed,
  annealingRate,
  quantiles,
  TOPIC_QUANTILES,
  TOPIC_STRENGTHS,
  type TopicStrength,
  topicWeight,
} from './topic-weights.ts';
import { dot, rowOf } from './vectors.ts';
import { encodeWord, type WithTokens } from './word.ts';

export const TOPIC_OPTIONS = {
  ...TOPIC_SCORE_OPTIONS,
  strength: option(
    ownKind<number | TopicStrength>(
      `0 to ${TOPIC_STRENGTHS.length - 1}, or four numbers from 0 on`,
      (value) => isStrength(value) || (holds(kinds.fromZero, value) && TOPIC_STRENGTHS[value as number] !== undefined),
    ),
    'how strongly the topic is weighed: 0 to 3, or four weights for the upper 5%, 20% and 40% of all senses and the rest',
    2 as number | TopicStrength,
  ),
};

export interface TopicOptions extends OptionsOf<typeof TOPIC_OPTIONS> {}

const isStrength = (value: unknown): value is TopicStrength =>
  Array.isArray(value) && value.length === 4 && value.every((weight) => holds(kinds.notNegative, weight));

const strengthOf = (strength: number | TopicStrength): TopicStrength =>
  typeof strength === 'number' ? (TOPIC_STRENGTHS[strength] as TopicStrength) : strength;

/** First tokens of the topic's words. Throws UsageError when there are none. */
export function topicTargets(model: WithTokens, words: readonly WordOption[]): number[] {
  if (words.length === 0) throw new UsageError('a topic has no words; give one at least.');
  return words.map((word) => encodeWord(model, word).ids[0] as number);
}

/** What is known of one token. */
interface Known {
  /** Row of the head, [M]. */
  readonly row: Float32Array;
  /** [Z, M] */
  readonly vectors: Float32Array;
  /** Before annealing, [Z]. */
  readonly weights: readonly number[];
}

export class TopicControl {
  /** First tokens of the topic's words. */
  readonly targets: readonly number[];
  /** The 0.95, 0.80 and 0.60 quantiles of the scores of all senses. */
  readonly bounds: readonly number[];
  readonly strength: TopicStrength;
  readonly #source: SenseSource;
  readonly #scores: TopicScores;
  readonly #words: ReadonlySet<number>;
  readonly #rate: number;
  readonly #known = new Map<number, Known>();
  /** What the senses of one token give to the score of another, as far as it is above 0: [Z] by both ids. */
  readonly #reaches = new Map<number, Float64Array>();

  constructor(source: SenseSource, scores: TopicScores, strength: TopicStrength) {
    this.#source = source;
    this.#scores = scores;
    this.#words = new Set(wordIds(source));
    this.targets = scores.targets;
    this.strength = strength;
    this.bounds = quantiles(scores.scores, TOPIC_QUANTILES);
    this.#rate = annealingRate(strength);
  }

  /** Must have ended for all tokens of a text before `weights` is asked for it. */
  async prepare(ids: readonly number[]): Promise<void> {
    const fresh = [...new Set(ids)].filter((id) => !this.#known.has(id));
    if (fresh.length === 0) return;
    const { senseCount, facts } = this.#source;
    const vectors = await this.#source.senseVectors(fresh);
    const rows = await this.#source.headRows(fresh);
    const scores = await this.#scoresOf(fresh);
    for (const [i, id] of fresh.entries())
      this.#known.set(id, {
        row: rowOf(rows, i, facts.dModel),
        vectors: rowOf(vectors, i, senseCount * facts.dModel),
        weights: [...rowOf(scores, i, senseCount)].map((score) => topicWeight(score, this.bounds, this.strength)),
      });
  }

  /** How much each sense of each of these tokens counts for the prediction of the next: ids[n] -> [n, Z]. */
  weights(ids: readonly number[]): Float32Array {
    const { senseCount } = this.#source;
    const weights = new Float32Array(ids.length * senseCount);
    for (const [j, id] of ids.entries()) {
      const { weights: before } = this.#of(id);
      const reached = new Float64Array(senseCount);
      for (const other of ids)
        this.#reach(id, other).forEach((x, l) => {
          reached[l] = (reached[l] as number) + x;
        });
      for (let l = 0; l < senseCount; l++)
        weights[j * senseCount + l] = annealed(before[l] as number, reached[l] as number, j, this.#rate);
    }
    return weights;
  }

  /** max(0, E_other . C(id)_l) for each sense l. */
  #reach(id: number, other: number): Float64Array {
    const { vocabSize, dModel } = this.#source.facts;
    const key = id * vocabSize + other;
    const kept = this.#reaches.get(key);
    if (kept) return kept;
    const { vectors } = this.#of(id);
    const { row } = this.#of(other);
    const found = Float64Array.from({ length: this.#source.senseCount }, (_, l) =>
      Math.max(0, dot(rowOf(vectors, l, dModel), row)),
    );
    this.#reaches.set(key, found);
    return found;
  }

  /** [n, Z]; 0 for tokens that are no words. */
  async #scoresOf(ids: readonly number[]): Promise<Float32Array> {
    const { senseCount } = this.#source;
    const { scores, sampled, targets } = this.#scores;
    const found = new Float32Array(ids.length * senseCount);
    const words = sampled ? ids.filter((id) => this.#words.has(id)) : [];
    const computed = await scoresOf(this.#source, targets, words);
    for (const [i, id] of ids.entries()) {
      const row = sampled ? words.indexOf(id) : id;
      if (row >= 0) found.set(rowOf(sampled ? computed : scores, row, senseCount), i * senseCount);
    }
    return found;
  }

  #of(id: number): Known {
    const known = this.#known.get(id);
    if (!known) throw new UsageError(`token ${id} was not prepared: await prepare(ids) before weights(ids).`);
    return known;
  }
}

export async function topicControl(
  source: SenseSource,
  words: readonly WordOption[],
  options: TopicOptions = {},
): Promise<TopicControl> {
  const { strength, ...rest } = checkOptions('topic', options, TOPIC_OPTIONS);
  const scores = await topicScores(source, topicTargets(source, words), rest);
  return new TopicControl(source, scores, strengthOf(strength));
}
