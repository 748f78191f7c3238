/**
 * How alike two words are by their senses (arXiv 2305.16765, section 4.2 and table 4; run_simlex.py of its code): cosines of matched senses, their
 * extremes, the extremes over all pairs of senses, and the cosine of all senses as one vector.
 */
import { holds, kinds, option, ownKind } from '../../options/option.ts';
import { cosine, dot, rowOf } from './vectors.ts';

/**
 * Names of similarity functions: `min` and `max` over matched senses, `min-any` and `max-any` over all Z x Z pairs of senses, `flat` of all
 * senses as one vector; a number stands for the cosine of this sense.
 */
export const SIMILARITIES = ['min', 'max', 'min-any', 'max-any', 'flat'] as const;

export type SimilarityName = (typeof SIMILARITIES)[number];
export type SimilarityBy = SimilarityName | number;

export const SIMILARITY = option(
  ownKind<SimilarityBy>(
    `the number of a sense, or one of ${SIMILARITIES.join(', ')}`,
    (value) => holds(kinds.fromZero, value) || SIMILARITIES.some((name) => name === value),
  ),
  `which similarity: the number of a sense, or one of ${SIMILARITIES.join(', ')}`,
  'min' as SimilarityBy,
);

export interface Similarities {
  /** Cosine of each sense with its like, [Z]. */
  readonly senses: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly minAny: number;
  readonly maxAny: number;
  readonly flat: number;
}

/** Of sense vectors a[Z, M] and b[Z, M]. */
export function similarities(a: Float32Array, b: Float32Array, count: number): Similarities {
  const width = a.length / count;
  const senses = Array.from({ length: count }, (_, l) => cosine(rowOf(a, l, width), rowOf(b, l, width)));
  const any = allPairs(a, b, count);
  return {
    senses,
    min: Math.min(...senses),
    max: Math.max(...senses),
    minAny: Math.min(...any),
    maxAny: Math.max(...any),
    flat: cosine(a, b),
  };
}

/** One similarity of a[Z, M] and b[Z, M]. */
export function similarity(a: Float32Array, b: Float32Array, count: number, by: SimilarityBy): number {
  const width = a.length / count;
  if (typeof by === 'number') return cosine(rowOf(a, by, width), rowOf(b, by, width));
  switch (by) {
    case 'flat':
      return cosine(a, b);
    case 'min-any':
      return Math.min(...allPairs(a, b, count));
    case 'max-any':
      return Math.max(...allPairs(a, b, count));
    case 'min':
    case 'max': {
      const matched = Array.from({ length: count }, (_, l) => cosine(rowOf(a, l, width), rowOf(b, l, width)));
      return by === 'min' ? Math.min(...matched) : Math.max(...matched);
    }
    default:
      return by satisfies never;
  }
}

/** Cosines of every sense of a with every sense of b. */
function allPairs(a: Float32Array, b: Float32Array, count: number): number[] {
  const width = a.length / count;
  const lengths = (x: Float32Array) =>
    Array.from({ length: count }, (_, l) => Math.sqrt(dot(rowOf(x, l, width), rowOf(x, l, width))));
  const [ofA, ofB] = [lengths(a), lengths(b)];
  const cosines: number[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) {
      const product = (ofA[i] as number) * (ofB[j] as number);
      cosines.push(product > 0 ? dot(rowOf(a, i, width), rowOf(b, j, width)) / product : 0);
    }
  }
  return cosines;
}
