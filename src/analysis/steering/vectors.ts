/**
 * Steering vectors: directions between what a model makes of texts of two kinds. `mean` is the difference of means of Contrastive Activation
 * Addition (Rimsky et al. 2024, arXiv 2312.06681); `pca` the first principal component of paired differences, as in representation engineering
 * (Zou et al. 2023, arXiv 2310.01405).
 */
import { UsageError } from '../../base/errors.ts';
import type { InterventionSet, VectorTensor } from '../../interventions/intervention.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, oneOf, option } from '../../options/option.ts';
import { rowSites } from '../row-sites.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { SWEEP_OPTIONS } from '../sweep.ts';
import { type Averages, averagesOf } from './averages.ts';
import { aPlaces, type Places, placesIn } from './places.ts';
import { dot, principalDirection } from './principal.ts';
import { noteOf, type TextsNote, textList } from './texts.ts';

const METHODS = ['mean', 'pca'] as const;
export type SteeringMethod = (typeof METHODS)[number];

export const STEERING_OPTIONS = {
  positive: textList,
  negative: textList,
  sites: option(kinds.texts, 'sites that get a vector, * for any part', ['blocks.*.residPost']),
  /** `last`: the last token of each text. */
  positions: option(aPlaces, 'tokens of each text whose values count', 'last' as Places),
  method: option(
    oneOf<SteeringMethod>(METHODS),
    'mean: the difference of the means, of its natural length; pca: the first principal component of the differences of pairs, of length 1',
    'mean',
  ),
  ...SWEEP_OPTIONS,
};

export interface SteeringOptions extends OptionsOf<typeof STEERING_OPTIONS> {
  readonly positive: readonly SubjectPrompt[];
  readonly negative: readonly SubjectPrompt[];
}

/** What a vector says of a site. */
export interface SteeringSite {
  readonly site: string;
  /** Of the vector: what strength 1 adds. */
  readonly length: number;
  /** Of the site's own values at the positions that count, on average: what the vector is added to. */
  readonly valueLength: number;
  /** Share of the texts that lie on their kind's side of the middle, along the vector: 1 where it tells all apart. */
  readonly separates: number;
  /** With `pca`: the share of the differences' sum of squares that lies along the vector. */
  readonly explained?: number | undefined;
}

export interface SteeringVectors {
  readonly method: SteeringMethod;
  readonly positions: Places;
  /** How many texts of each kind, and a digest of them. */
  readonly positive: TextsNote;
  readonly negative: TextsNote;
  readonly sites: readonly SteeringSite[];
  /** By the name of the site; shape [W] or [H, D]. */
  readonly vectors: ReadonlyMap<string, VectorTensor & { readonly dtype: 'f32'; readonly data: Float32Array }>;
  /** Adds each vector to its site with strength 1: what `interventions` of generate, score and others take. */
  readonly interventions: InterventionSet;
}

/** Before the weights are loaded. Throws UsageError on sites that do not exist, on empty lists and on texts that do not pair. */
export function checkSteering(subject: Pick<Subject, 'sites' | 'encode'>, options: SteeringOptions) {
  const { positive, negative, sites, positions, method } = checkOptions('steeringVectors', options, STEERING_OPTIONS);
  for (const [name, texts] of [
    ['positive', positive],
    ['negative', negative],
  ] as const) {
    if (!texts || texts.length === 0) throw new UsageError(`there are no ${name} texts; give at least one.`);
    for (const [i, text] of texts.entries()) placesIn(positions, subject.encode(text).length, `${name} text ${i + 1}`);
  }
  if (method === 'pca' && positive?.length !== negative?.length)
    throw new UsageError(
      `method pca takes pairs, and there are ${positive?.length} positive and ${negative?.length} negative texts: give as many of each, in the same order.`,
    );
  return rowSites(subject.sites, sites);
}

/** Throws UsageError as checkSteering does, and when the texts of both kinds give the same values. */
export async function steeringVectors(subject: Subject, options: SteeringOptions): Promise<SteeringVectors> {
  const { positions, method, signal, onProgress } = checkOptions('steeringVectors', options, STEERING_OPTIONS);
  const names = checkSteering(subject, options).map(({ name }) => name);
  const { positive, negative } = options;
  const total = positive.length + negative.length;
  let done = 0;
  onProgress?.(0, total);
  const each = async (texts: readonly SubjectPrompt[], what: string) => {
    const found: Averages[] = [];
    for (const text of texts) {
      found.push(await averagesOf(subject, [text], { sites: names, positions, signal, what }));
      onProgress?.(++done, total);
    }
    return found;
  };
  const [ups, downs] = [await each(positive, 'positive text'), await each(negative, 'negative text')];
  const order = names.filter((name) => ups[0]?.has(name));
  const made = order.map((site) => vectorOf(site, ups, downs, method));
  const vectors = new Map(
    made.map(({ about: { site }, shape, data }) => [site, { shape, dtype: 'f32' as const, data }] as const),
  );
  return {
    ...{ method, positions, positive: await noteOf(positive), negative: await noteOf(negative) },
    sites: made.map(({ about }) => about),
    vectors,
    interventions: {
      version: 1,
      vectors,
      interventions: order.map((site) => ({ site, add: { vector: '{site}' }, by: 1 })),
    },
  };
}

/** What a file says of how its vectors were made. */
export const steeringNotes = ({ method, positions, positive, negative }: SteeringVectors): Record<string, string> => ({
  ...{ method, positions: JSON.stringify(positions) },
  ...{ positive: JSON.stringify(positive), negative: JSON.stringify(negative) },
});

function vectorOf(site: string, ups: readonly Averages[], downs: readonly Averages[], method: SteeringMethod) {
  const of = (all: readonly Averages[]) => all.map((averages) => averages.get(site)).filter((one) => one !== undefined);
  const [up, down] = [of(ups), of(downs)];
  const { shape = [], mean: first = new Float32Array(0) } = up[0] ?? {};
  const width = first.length;
  const middle = (all: typeof up) => {
    const sum = new Float64Array(width);
    for (const { mean } of all) for (let i = 0; i < width; i++) (sum[i] as number) += (mean[i] as number) / all.length;
    return sum;
  };
  const [upMean, downMean] = [middle(up), middle(down)];
  const difference = upMean.map((x, i) => x - (downMean[i] as number));
  const pairs = () => up.map(({ mean }, n) => Float64Array.from(mean, (x, i) => x - (down[n]?.mean[i] as number)));
  const principal = method === 'pca' ? principalDirection(pairs(), width) : undefined;
  const data = Float32Array.from(principal?.direction ?? difference);
  const length = Math.sqrt(dot(data, data));
  if (length === 0)
    throw new UsageError(
      `the texts of both kinds have the same values at '${site}'; there is no direction between them.`,
    );
  const centre = (dot(upMean, data) + dot(downMean, data)) / 2;
  const right =
    up.filter(({ mean }) => dot(mean, data) > centre).length +
    down.filter(({ mean }) => dot(mean, data) < centre).length;
  const all = [...up, ...down];
  const about: SteeringSite = {
    ...{ site, length },
    valueLength: all.reduce((sum, { meanLength }) => sum + meanLength, 0) / all.length,
    separates: right / all.length,
    ...(principal ? { explained: principal.share } : {}),
  };
  return { about, shape, data };
}
