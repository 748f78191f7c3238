/** Penalties on earlier tokens: transformers' repetition penalty, OpenAI's presence and frequency penalties. */
import type { SamplingOptions } from './options.ts';

/** The ids of one sequence so far. */
export interface History {
  readonly prompt: readonly number[];
  readonly generated: readonly number[];
  /** Most ids that may be generated, if known. */
  readonly limit?: number;
}

export type Penalties = Pick<SamplingOptions, 'repetitionPenalty' | 'presencePenalty' | 'frequencyPenalty'>;

/** Changes scores[V] in place. `counts`[V] is scratch memory: all zero before and after. */
export function penalise(
  scores: Float32Array,
  { prompt, generated }: History,
  { repetitionPenalty = 1, presencePenalty = 0, frequencyPenalty = 0 }: Penalties,
  counts: Uint32Array,
): void {
  if (repetitionPenalty !== 1) {
    for (const ids of [prompt, generated]) {
      for (const id of ids) {
        if ((counts[id] as number)++ > 0) continue; // once per distinct id
        const score = scores[id] as number;
        scores[id] = score < 0 ? score * repetitionPenalty : score / repetitionPenalty;
      }
    }
    for (const ids of [prompt, generated]) for (const id of ids) counts[id] = 0;
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const id of generated) (counts[id] as number)++;
    for (const id of generated) {
      const count = counts[id] as number;
      if (count > 0) scores[id] = (scores[id] as number) - presencePenalty - frequencyPenalty * count;
      counts[id] = 0;
    }
  }
}
