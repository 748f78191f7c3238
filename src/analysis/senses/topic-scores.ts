/** Scores of senses for a topic (arXiv 2305.16765, eq. 17): the sum of a sense's logits for the topic's words, divided by its largest logit. */
import { call, kinds, type OptionsOf, option } from '../../options/option.ts';
import { largestLogits, MAXIMA_OPTIONS, senseMaxima } from './maxima.ts';
import { type SenseSource, sensePieces, type Watched, wordIds } from './source.ts';
import { dot, rowOf } from './vectors.ts';

export interface TopicScores {
  /** First tokens of the topic's words, each once. */
  readonly targets: readonly number[];
  /** Of all words: [V, Z], 0 for ids that are no words, such as an end of text. Of a sample: those of its words, [n, Z]. */
  readonly scores: Float32Array;
  /** Whether these are the scores of some words only. */
  readonly sampled: boolean;
}

export const TOPIC_SCORE_OPTIONS = {
  ...MAXIMA_OPTIONS,
  sample: option(
    kinds.fromOne,
    'take quantiles from so many words, spread evenly over the vocabulary, in place of the table of all',
  ),
  /** Told what is computed next: `maxima` once for a model, `scores` for every topic. */
  onStage: call<(stage: 'maxima' | 'scores') => void>(),
};

export interface TopicScoreOptions extends OptionsOf<typeof TOPIC_SCORE_OPTIONS> {}

export async function topicScores(
  source: SenseSource,
  words: readonly number[],
  options: TopicScoreOptions = {},
): Promise<TopicScores> {
  const targets = [...new Set(words)].sort((a, b) => a - b);
  const { cache, sample, onStage } = options;
  const all = wordIds(source);
  const isSampled = sample !== undefined && sample < all.length;
  if (isSampled) {
    const some = Array.from({ length: sample }, (_, i) => all[Math.floor((i * all.length) / sample)] as number);
    onStage?.('scores');
    return { targets, scores: await scoresOf(source, targets, some, options), sampled: true };
  }
  const size = source.facts.vocabSize * source.senseCount;
  const name = `topic-${targets.join('-')}`;
  const kept = await cache?.read(name);
  if (kept?.length === size) return { targets, scores: kept, sampled: false };
  onStage?.('maxima');
  const maxima = await senseMaxima(source, options);
  onStage?.('scores');
  const scores = await dividedScores(source, targets, maxima, options);
  await cache?.write(name, scores);
  return { targets, scores, sampled: false };
}

/** The scores [n, Z] of some words, without a table. */
export async function scoresOf(
  source: SenseSource,
  targets: readonly number[],
  ids: readonly number[],
  watched: Watched = {},
): Promise<Float32Array> {
  const { senseCount } = source;
  const direction = await sumOfRows(source, targets);
  const scores = new Float32Array(ids.length * senseCount);
  let at = 0;
  for await (const { vectors } of sensePieces(source, ids, watched)) {
    const maxima = await largestLogits(source, vectors, watched.signal);
    for (const [i, largest] of maxima.entries())
      scores[at++] = dot(rowOf(vectors, i, direction.length), direction) / largest;
  }
  return scores;
}

async function dividedScores(
  source: SenseSource,
  targets: readonly number[],
  maxima: Float32Array,
  { signal, onProgress }: Watched,
): Promise<Float32Array> {
  const { senseCount } = source;
  const { dModel, vocabSize } = source.facts;
  const direction = await sumOfRows(source, targets);
  const scores = new Float32Array(vocabSize * senseCount);
  for await (const { ids, vectors } of sensePieces(source, wordIds(source), { signal, onProgress })) {
    for (const [i, id] of ids.entries()) {
      for (let l = 0; l < senseCount; l++) {
        const logit = dot(rowOf(vectors, i * senseCount + l, dModel), direction);
        scores[id * senseCount + l] = logit / (maxima[id * senseCount + l] as number);
      }
    }
  }
  return scores;
}

/** The sum of the head's rows of these tokens, [M]. */
async function sumOfRows(source: SenseSource, ids: readonly number[]): Promise<Float32Array> {
  const { dModel } = source.facts;
  const rows = await source.headRows(ids);
  return Float32Array.from({ length: dModel }, (_, i) =>
    ids.reduce((sum, _, row) => sum + (rows[row * dModel + i] as number), 0),
  );
}
