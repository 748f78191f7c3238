/** The values inside of the scans of a text, for some layers at a time so that memory stays bounded. */
import { UsageError } from '../../base/errors.ts';
import { call, kinds, type OptionsOf } from '../../options/option.ts';
import { type Declared, LAYERS_OPTION, layersWith, shapeOf } from '../layers.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';

export const SCAN_OPTIONS = {
  layers: LAYERS_OPTION,
  signal: kinds.signal,
  /** Told how much of the work is done, and how much there is: in layers times tokens. */
  onProgress: call<(done: number, total: number) => void>(),
};

export interface ScanOptions extends OptionsOf<typeof SCAN_OPTIONS> {}

/** The selective scans of a model. */
export interface Scans {
  readonly layers: readonly number[];
  /** Channels of a scan: E. */
  readonly channels: number;
  /** States of a channel: N. */
  readonly states: number;
}

/** Throws UsageError when the model has none, or none in a layer that is wanted: also before its weights are loaded. */
export function scansOf(model: Declared, layers?: readonly number[]): Scans {
  const found = layersWith(model, 'ssmState', layers, 'this model has no state space layers');
  const [channels = 0, states = 0] = shapeOf(model, `blocks.${found[0]}.a`);
  return { layers: found, channels, states };
}

/** Names of values per token inside of a mixer, and how wide they are. */
const WIDTHS = {
  dt: 'channels',
  convOut: 'channels',
  gate: 'channels',
  b: 'states',
  c: 'states',
} as const;

export type ScanSite = keyof typeof WIDTHS;

/** Numbers that captured values may take together. */
const BUDGET_BYTES = 128 << 20;

const bytesPerToken = (scans: Scans, sites: readonly ScanSite[]): number =>
  4 * sites.reduce((sum, site) => sum + scans[WIDTHS[site]], 0);

/** Values of one layer for some tokens: those of `dt` are [T, E], and so on. */
export interface ScanValues {
  readonly tokens: number;
  readonly values: Readonly<Record<ScanSite, Float32Array>>;
}

export interface LayerValues extends ScanValues {
  readonly layer: number;
}

/** How many tokens may be read at once when these values of all layers are kept. */
export function stepTokensFor(scans: Scans, sites: readonly ScanSite[]): number {
  const bytes = bytesPerToken(scans, sites) * scans.layers.length;
  return Math.max(1, Math.min(256, Math.floor(BUDGET_BYTES / bytes)));
}

/** Steps of a text with these values of all layers. */
export async function* scanSteps(
  subject: Subject,
  ids: readonly number[],
  scans: Scans,
  sites: readonly ScanSite[],
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly at: number; readonly layers: readonly LayerValues[] }> {
  const names = scans.layers.flatMap((layer) => sites.map((site) => `blocks.${layer}.${site}`));
  const stepTokens = stepTokensFor(scans, sites);
  for await (const step of subject.captureSteps(ids, { sites: names, stepTokens, signal })) {
    const layers = scans.layers.map((layer): LayerValues => {
      const read = sites.map((site) => [site, step.values.get(`blocks.${layer}.${site}`)?.data] as const);
      return { layer, tokens: step.ids.length, values: Object.fromEntries(read) as LayerValues['values'] };
    });
    yield { at: step.at, layers };
  }
}

/** Layer by layer the values of a whole text, which is read once for each group of layers that fits into bounded memory. */
export async function* wholeScans(
  subject: Subject,
  ids: readonly number[],
  scans: Scans,
  sites: readonly ScanSite[],
  signal: AbortSignal | undefined,
): AsyncGenerator<LayerValues> {
  const together = Math.max(1, Math.floor(BUDGET_BYTES / (bytesPerToken(scans, sites) * ids.length)));
  for (let i = 0; i < scans.layers.length; i += together) {
    const group = { ...scans, layers: scans.layers.slice(i, i + together) };
    const whole = group.layers.map((layer) => ({
      layer,
      tokens: ids.length,
      values: Object.fromEntries(
        sites.map((site) => [site, new Float32Array(ids.length * scans[WIDTHS[site]])]),
      ) as LayerValues['values'],
    }));
    for await (const { at, layers } of scanSteps(subject, ids, group, sites, signal)) {
      layers.forEach(({ values }, k) => {
        for (const site of sites) whole[k]?.values[site].set(values[site], at * scans[WIDTHS[site]]);
      });
    }
    yield* whole;
  }
}

/** Ids of a text that is not empty. */
export function idsOf(subject: Subject, prompt: SubjectPrompt): readonly number[] {
  const ids = subject.encode(prompt);
  if (ids.length === 0) throw new UsageError('the text is empty; give at least one token.');
  return ids;
}
