/** What a recurrent state knows: predictions with the state of another text in the place of a text's own, or with an empty one. */
import { UsageError } from '../../base/errors.ts';
import { exp } from '../../base/math.ts';
import type { Intervention } from '../../interventions/intervention.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option, ownKind } from '../../options/option.ts';
import { logSoftmax, topLogprobs } from '../../sampler/sampler.ts';
import { LAYERS_OPTION, shapeOf } from '../layers.ts';
import { aPosition, findPosition } from '../positions.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Word, wordsOf, wordWithId } from '../words.ts';
import { type Scans, scansOf } from './values.ts';

const aPrompt = ownKind<SubjectPrompt>(
  'a text or token ids',
  (value) => typeof value === 'string' || Array.isArray(value) || ArrayBuffer.isView(value),
);

export const TRANSPLANT_OPTIONS = {
  /** The text whose state is taken; without one, the state is only emptied. */
  from: aPrompt,
  at: option(aPosition, 'the state is changed before the token at this place is read; -1 is the last', -1),
  layers: LAYERS_OPTION,
  keepWindow: option(
    kinds.flag,
    'leave the last inputs of the convolutions as they are, and change the scans only',
    false,
  ),
  top: option(kinds.fromOne, 'likeliest next words', 8),
  signal: kinds.signal,
};

export interface TransplantOptions extends OptionsOf<typeof TRANSPLANT_OPTIONS> {}

export interface StatePrediction {
  readonly state: 'own' | 'empty' | 'other';
  readonly top: readonly (Word & { readonly logprob: number })[];
  /** KL(own || this), in nats: how far this prediction is from that with the text's own state. */
  readonly klFromOwn: number;
}

export interface Transplant {
  readonly tokens: readonly Word[];
  readonly at: number;
  readonly layers: readonly number[];
  /** Of what comes after the text. */
  readonly predictions: readonly StatePrediction[];
}

/** Throws UsageError on a model without scans, and on places that do not exist: also before the weights are loaded. */
export function checkTransplant(
  model: Pick<Subject, 'sites' | 'parameters'>,
  tokens: number,
  options: TransplantOptions = {},
): { readonly scans: Scans; readonly at: number } {
  const { at, layers } = checkOptions('transplantState', options, TRANSPLANT_OPTIONS);
  const scans = scansOf(model, layers);
  if (tokens === 0) throw new UsageError('the text is empty; give at least one token.');
  return { scans, at: findPosition(at, tokens) };
}

/** What comes after a text with its own state, with an empty one, and with that of another text. */
export async function transplantState(
  subject: Subject,
  prompt: SubjectPrompt,
  options: TransplantOptions = {},
): Promise<Transplant> {
  const { from, top, keepWindow, signal } = checkOptions('transplantState', options, TRANSPLANT_OPTIONS);
  const ids = subject.encode(prompt);
  const { scans, at } = checkTransplant(subject, ids.length, options);
  const cases: [StatePrediction['state'], Intervention[]][] = [
    ['own', []],
    ['empty', emptyState(scans, at, keepWindow)],
  ];
  if (from !== undefined) cases.push(['other', await stateOf(subject, from, { scans, at, keepWindow, signal })]);
  const predictions: StatePrediction[] = [];
  let own: Float32Array | undefined;
  for (const [state, interventions] of cases) {
    const logprobs = await nextLogprobs(subject, ids, interventions, signal);
    own ??= logprobs;
    const words = topLogprobs(logprobs, top).map((one) => ({ ...wordWithId(subject, one.id), logprob: one.logprob }));
    predictions.push({ state, top: words, klFromOwn: divergence(own, logprobs) });
  }
  return { tokens: wordsOf(subject, ids), at, layers: scans.layers, predictions };
}

/** Sites and memories of a mixer: what the convolution and the scan keep. */
const windowOf = (layer: number) => `blocks.${layer}.window`;
const stateNameOf = (layer: number) => `blocks.${layer}.ssmState`;

function emptyState({ layers }: Scans, at: number, keepWindow: boolean): Intervention[] {
  const names = layers.flatMap((layer) => [stateNameOf(layer), ...(keepWindow ? [] : [windowOf(layer)])]);
  return names.map((state) => ({ state, at, reset: true }));
}

interface Taking {
  readonly scans: Scans;
  readonly at: number;
  readonly keepWindow: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Interventions that put the state after a text in the place of another's. */
async function stateOf(
  subject: Subject,
  from: SubjectPrompt,
  { scans, at, keepWindow, signal }: Taking,
): Promise<Intervention[]> {
  const ids = subject.encode(from);
  if (ids.length === 0) throw new UsageError('the text whose state is taken is empty; give at least one token.');
  const sites = scans.layers.flatMap((layer) => [stateNameOf(layer), ...(keepWindow ? [] : [`blocks.${layer}.x`])]);
  const seen = await subject.capture(ids, { sites, signal });
  const values = (site: string) => seen.get(site)?.data as Float32Array;
  const taken: Intervention[] = [];
  for (const layer of scans.layers) {
    taken.push({ state: stateNameOf(layer), at, set: values(stateNameOf(layer)) });
    if (keepWindow) continue;
    const [, width = 1] = shapeOf(subject, `blocks.${layer}.conv`);
    const window = new Float32Array((width - 1) * scans.channels); // the last inputs, the oldest first
    const last = values(`blocks.${layer}.x`).slice(-window.length);
    window.set(last, window.length - last.length);
    taken.push({ state: windowOf(layer), at, set: window });
  }
  return taken;
}

async function nextLogprobs(
  subject: Subject,
  ids: readonly number[],
  interventions: readonly Intervention[],
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const seen = await subject.capture(ids, { sites: ['hidden'], from: ids.length - 1, interventions, signal });
  let logprobs: Float32Array = new Float32Array(0);
  await subject.unembed(seen.get('hidden')?.data as Float32Array, (_, logits) => {
    logprobs = logSoftmax(logits);
  });
  return logprobs;
}

/** KL(p || q) of natural logarithms of probabilities. */
function divergence(p: Float32Array, q: Float32Array): number {
  let kl = 0;
  for (let i = 0; i < p.length; i++) kl += exp(p[i] as number) * ((p[i] as number) - (q[i] as number));
  return Math.max(0, kl);
}
