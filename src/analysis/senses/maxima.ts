/**
 * The largest logit that each sense of each word gives to any token, max_v E_v . C(x)_l: [V, Z]. It depends on nothing but the model, and
 * costs V^2 Z M multiply-adds (3e13 for a vocabulary of 50,000 with 16 senses of width 768), so it is kept, and what is done is kept when it is
 * interrupted.
 */
import { jsonObject, type OptionsOf } from '../../options/option.ts';
import { type SenseSource, sensePieces, WATCHED, wordIds } from './source.ts';

/** Keeps tables of numbers for one model, by name. */
export interface TableCache {
  /** Undefined when there is none. */
  read(name: string): Promise<Float32Array | undefined>;
  write(name: string, table: Float32Array): Promise<void>;
}

export const MAXIMA_OPTIONS = {
  ...WATCHED,
  /** Where the table is looked for and kept; without it, it is computed and forgotten. In Node, senseCache gives one on disk. */
  cache: jsonObject<TableCache>(),
};

export interface MaximaOptions extends OptionsOf<typeof MAXIMA_OPTIONS> {}

const NAME = 'maxima';

/** How often what is done is kept, milliseconds. */
const KEEP_EVERY = 60_000;

/** [V, Z]; rows of ids that are no words are NaN. Resumes what an interrupted call has kept. */
export async function senseMaxima(source: SenseSource, options: MaximaOptions = {}): Promise<Float32Array> {
  const { cache, signal, onProgress } = options;
  const { senseCount } = source;
  const size = source.facts.vocabSize * senseCount;
  const kept = await cache?.read(NAME);
  const table = kept?.length === size ? kept : new Float32Array(size).fill(Number.NaN);
  const words = wordIds(source);
  const missing = words.filter((id) => Number.isNaN(table[id * senseCount]));
  if (missing.length === 0) return table;
  const before = words.length - missing.length;
  const told = ({ done }: { readonly done: number }) => onProgress?.({ done: before + done, total: words.length });
  let keptAt = Date.now();
  try {
    for await (const { ids, vectors } of sensePieces(source, missing, { signal, onProgress: told })) {
      const maxima = await largestLogits(source, vectors, signal);
      for (const [i, id] of ids.entries())
        table.set(maxima.subarray(i * senseCount, (i + 1) * senseCount), id * senseCount);
      if (Date.now() - keptAt < KEEP_EVERY) continue;
      await cache?.write(NAME, table);
      keptAt = Date.now();
    }
  } finally {
    await cache?.write(NAME, table);
  }
  return table;
}

/** vectors[n, M] -> [n] */
export async function largestLogits(
  source: SenseSource,
  vectors: Float32Array,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { dModel, vocabSize } = source.facts;
  const maxima = new Float32Array(vectors.length / dModel);
  const visit = (first: number, logits: Float32Array) => {
    for (let row = 0; row * vocabSize < logits.length; row++) {
      let largest = Number.NEGATIVE_INFINITY;
      const end = (row + 1) * vocabSize;
      for (let i = row * vocabSize; i < end; i++) {
        const logit = logits[i] as number;
        if (logit > largest) largest = logit;
      }
      maxima[first + row] = largest;
    }
  };
  await source.unembed(vectors, visit, { signal });
  return maxima;
}
