/** Means of sites over a corpus, for interventions that set a site to its mean: `{ "site": "blocks.1.z", "set": { "vector": "mean.{site}" } }`. */
import { UsageError } from '../../base/errors.ts';
import type { VectorTensor } from '../../interventions/intervention.ts';
import type { Site } from '../../models/model.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import { rowSites } from '../row-sites.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { SWEEP_OPTIONS } from '../sweep.ts';
import { averagesOf } from './averages.ts';
import { aPlaces, type Places, placesIn } from './places.ts';
import { noteOf, type TextsNote, textList } from './texts.ts';

export const MEAN_OPTIONS = {
  texts: textList,
  sites: option(kinds.texts, 'sites whose mean is taken, * for any part', ['blocks.*.residPost']),
  positions: option(aPlaces, 'tokens of each text whose values count', 'all' as Places),
  ...SWEEP_OPTIONS,
};

export interface MeanOptions extends OptionsOf<typeof MEAN_OPTIONS> {
  readonly texts: readonly SubjectPrompt[];
}

export interface MeanVectors {
  readonly corpus: TextsNote;
  readonly positions: Places;
  /** Tokens that counted. */
  readonly tokens: number;
  readonly sites: readonly string[];
  /** By `mean.<site>`; shape [W] or [H, D]. */
  readonly vectors: ReadonlyMap<string, VectorTensor & { readonly dtype: 'f32'; readonly data: Float32Array }>;
}

/** Before the weights are loaded. Throws UsageError on sites that do not exist, and on texts without the positions. */
export function checkMeans(subject: Pick<Subject, 'sites' | 'encode'>, options: MeanOptions): Site[] {
  const { texts = [], sites, positions } = checkOptions('meanVectors', options, MEAN_OPTIONS);
  if (texts.length === 0) throw new UsageError('there are no texts to take a mean of; give at least one.');
  for (const [i, text] of texts.entries()) placesIn(positions, subject.encode(text).length, `text ${i + 1}`);
  return rowSites(subject.sites, sites);
}

/** Throws UsageError as checkMeans does. */
export async function meanVectors(subject: Subject, options: MeanOptions): Promise<MeanVectors> {
  const { positions, signal, onProgress } = checkOptions('meanVectors', options, MEAN_OPTIONS);
  const names = checkMeans(subject, options).map(({ name }) => name);
  const { texts } = options;
  const onText = (done: number) => onProgress?.(done, texts.length);
  const averages = await averagesOf(subject, texts, { sites: names, positions, signal, onText });
  const entries = names.flatMap((site) => {
    const found = averages.get(site);
    return found ? [[`mean.${site}`, { shape: found.shape, dtype: 'f32' as const, data: found.mean }] as const] : [];
  });
  return {
    ...{ corpus: await noteOf(texts), positions, sites: names, vectors: new Map(entries) },
    tokens: Math.max(0, ...[...averages.values()].map(({ tokens }) => tokens)),
  };
}

/** What a file says of how its means were made. */
export const meanNotes = ({ corpus, positions }: MeanVectors): Record<string, string> => ({
  ...{ corpus: JSON.stringify(corpus), corpusPositions: JSON.stringify(positions) },
});
