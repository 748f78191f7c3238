/**
 * How much of the logit of a word comes from each earlier token, through the scans. At one place t, the final norm, the gates and the weights of the
 * scans are taken as they are in this pass; then the logit is linear in what the scans read. With d the row of the word in the head behind the norm,
 * u = outProj^T d, and alpha(t, s) the effective attention of a channel, token s adds in one layer
 *   sum over channels e of u[e] silu(gate_t[e]) alpha_e(t, s) convOut_s[e].
 * These parts, the skip (the token itself, past the state), what the embedding adds, and a rest (biases, rounding) sum to the logit.
 */
import { exp } from '../../base/math.ts';
import { checkOptions } from '../../options/check.ts';
import type { OptionsOf } from '../../options/option.ts';
import { ATTRIBUTION_OPTIONS, type AttributionPlan, checkAttribution } from '../attribution.ts';
import { fixedNorm } from '../fixed-norm.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Vocabulary, type Word, wordsOf } from '../words.ts';
import { weightsAt } from './scan.ts';
import { type LayerValues, SCAN_OPTIONS, type Scans, scansOf, wholeScans } from './values.ts';

const { word, against, position } = ATTRIBUTION_OPTIONS;
const { signal, onProgress } = SCAN_OPTIONS;

export const LOGIT_SOURCES_OPTIONS = { word, against, position, signal, onProgress };

export interface LogitSourcesOptions extends OptionsOf<typeof LOGIT_SOURCES_OPTIONS> {
  readonly word: string | number;
}

export interface LogitSources {
  /** Of the text up to `position`. */
  readonly tokens: readonly Word[];
  readonly position: number;
  readonly word: Word;
  readonly against?: Word | undefined;
  /** As the model gives it: of `word`, less that of `against`. */
  readonly logit: number;
  /** What the embedding of the last token adds by itself. */
  readonly embed: number;
  readonly layers: readonly {
    readonly layer: number;
    /** What each token adds through the scan of this layer. */
    readonly sources: readonly number[];
    /** What the token at `position` adds past the state. */
    readonly skip: number;
    /** Biases and rounding. */
    readonly rest: number;
  }[];
  /** The sum over layers of `sources`, for each token. */
  readonly sources: readonly number[];
  /** What is left of the logit: rounding. */
  readonly rest: number;
}

export interface LogitSourcesPlan extends AttributionPlan {
  readonly scans: Scans;
}

/** Found before the weights are loaded. Throws UsageError on a model without scans, and as checkAttribution does. */
export function checkLogitSources(
  subject: Vocabulary & Pick<Subject, 'sites' | 'parameters' | 'residualStream'>,
  tokens: number,
  { word, against, position }: LogitSourcesOptions,
): LogitSourcesPlan {
  const scans = scansOf(subject);
  return { ...checkAttribution(subject, tokens, { word, against, position }), scans };
}

export async function logitSources(
  subject: Subject,
  prompt: SubjectPrompt,
  options: LogitSourcesOptions,
): Promise<LogitSources> {
  checkOptions('logitSources', options, LOGIT_SOURCES_OPTIONS);
  const { signal, onProgress } = options;
  const all = subject.encode(prompt);
  const { word, against, position, stream, scans } = checkLogitSources(subject, all.length, options);
  const ids = all.slice(0, position + 1);
  const sites = [...stream.writes.map(({ site }) => site), stream.output, 'logits'];
  const seen = await subject.capture(ids, { sites, from: position, signal });
  const values = (site: string) => seen.get(site)?.data as Float32Array;
  const logitOf = (of: Word | undefined) => (of ? (values('logits')[of.id] as number) : 0);
  const rowOf = (of: Word) => subject.parameter(stream.head, { first: of.id, count: 1 });
  const [mine, other] = [await rowOf(word), against && (await rowOf(against))];
  const direction = fixedNorm(stream.norm, values(stream.output), await subject.parameter(stream.norm.gain)).back(
    mine.map((x, m) => stream.logitScale * (x - (other?.[m] ?? 0))),
  );
  const adds = (site: string) =>
    (stream.writes.find((write) => write.site === site)?.by ?? 0) * dot(direction, values(site));
  const layers: LogitSources['layers'][number][] = [];
  for await (const layer of wholeScans(subject, ids, scans, ['dt', 'b', 'c', 'convOut', 'gate'], signal)) {
    const made = await sourcesOf(subject, layer, scans, direction);
    const total = adds(`blocks.${layer.layer}.mixerOut`);
    layers.push({ layer: layer.layer, ...made, rest: total - sum(made.sources) - made.skip });
    onProgress?.(layers.length, scans.layers.length);
  }
  const logit = logitOf(word) - logitOf(against);
  const embed = adds('embed');
  const sources = ids.map((_, s) => sum(layers.map((layer) => layer.sources[s] as number)));
  const rest = logit - embed - sum(sources) - sum(layers.map(({ skip, rest }) => skip + rest));
  return {
    tokens: wordsOf(subject, ids),
    position,
    word,
    ...(against ? { against } : {}),
    logit,
    embed,
    layers,
    sources,
    rest,
  };
}

/** What each token adds to the product of mixerOut at the last token with a direction[M]. */
async function sourcesOf(
  subject: Subject,
  { layer, tokens, values }: LayerValues,
  { channels, states }: Scans,
  direction: Float64Array,
): Promise<{ sources: number[]; skip: number }> {
  const [a, d, outProj] = [
    await subject.parameter(`blocks.${layer}.a`),
    await subject.parameter(`blocks.${layer}.d`),
    await subject.parameter(`blocks.${layer}.outProj`),
  ];
  const u = new Float64Array(channels);
  direction.forEach((one, m) => {
    for (let e = 0; e < channels; e++) u[e] = (u[e] as number) + one * (outProj[m * channels + e] as number);
  });
  const t = tokens - 1;
  const scan = { ...values, tokens, a, channels, states };
  const sources = new Array<number>(tokens).fill(0);
  let skip = 0;
  for (let e = 0; e < channels; e++) {
    const gate = values.gate[t * channels + e] as number;
    const weight = ((u[e] as number) * gate) / (1 + exp(-gate));
    skip += weight * (d[e] as number) * (values.convOut[t * channels + e] as number);
    weightsAt(scan, e, t).forEach((alpha, s) => {
      sources[s] = (sources[s] as number) + weight * alpha * (values.convOut[s * channels + e] as number);
    });
  }
  return { sources, skip };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] as number) * (b[i] as number);
  return total;
}
