/** The effective attention of each layer of a state space model, for a text. */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import type { Declared } from '../layers.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Word, wordsOf } from '../words.ts';
import { eachWeight, type ScanInput } from './scan.ts';
import { idsOf, SCAN_OPTIONS, type Scans, scansOf, wholeScans } from './values.ts';

export const EFFECTIVE_ATTENTION_OPTIONS = {
  ...SCAN_OPTIONS,
  /** Channels whose own weights are wanted too, in every layer. */
  channels: option(kinds.ids, 'also the weights of these channels, from 0 on', []),
};

export interface EffectiveAttentionOptions extends OptionsOf<typeof EFFECTIVE_ATTENTION_OPTIONS> {}

/** Weights [T][T]: row t, column s; 0 where s > t. */
export type Weights = readonly (readonly number[])[];

export interface EffectiveAttention {
  readonly tokens: readonly Word[];
  readonly layers: readonly {
    readonly layer: number;
    /** Mean over channels. */
    readonly signed: Weights;
    /** Mean over channels of absolute weights. */
    readonly absolute: Weights;
    /** Of the channels that were asked for. */
    readonly channels: readonly { readonly channel: number; readonly weights: Weights }[];
  }[];
}

/** Does the model have such channels? Throws UsageError if not, also before its weights are loaded. */
export function checkChannels(model: Declared, channels: readonly number[], layers?: readonly number[]): Scans {
  const scans = scansOf(model, layers);
  const strange = channels.find((channel) => channel >= scans.channels);
  if (strange !== undefined)
    throw new UsageError(`channel ${strange} does not exist: this model has channels 0 to ${scans.channels - 1}.`);
  return scans;
}

/**
 * Values inside of the scans as they are, with weights of one source in a column: what token t reads of token s, before the skip and the gate.
 * Time grows with the square of the text, times channels and states.
 */
export async function effectiveAttention(
  subject: Subject,
  prompt: SubjectPrompt,
  options: EffectiveAttentionOptions = {},
): Promise<EffectiveAttention> {
  const { channels, layers, signal, onProgress } = checkOptions(
    'effectiveAttention',
    options,
    EFFECTIVE_ATTENTION_OPTIONS,
  );
  const scans = checkChannels(subject, channels, layers);
  const ids = idsOf(subject, prompt);
  const total = scans.layers.length * ids.length;
  const found: EffectiveAttention['layers'][number][] = [];
  for await (const { layer, tokens, values } of wholeScans(subject, ids, scans, ['dt', 'b', 'c'], signal)) {
    const scan = {
      ...values,
      ...scans,
      channels: scans.channels,
      tokens,
      a: await subject.parameter(`blocks.${layer}.a`),
    };
    const made = await weightsOf(scan, channels, signal);
    found.push({ layer, ...made });
    onProgress?.(found.length * ids.length, total);
  }
  return { tokens: wordsOf(subject, ids), layers: found };
}

/** Channels between two looks at the signal. */
const CHANNELS_AT_ONCE = 32;

async function weightsOf(scan: ScanInput, wanted: readonly number[], signal: AbortSignal | undefined) {
  const signed = squareOf(scan.tokens);
  const absolute = squareOf(scan.tokens);
  const channels = wanted.map((channel) => ({ channel, weights: squareOf(scan.tokens) }));
  for (let channel = 0; channel < scan.channels; channel++) {
    if (channel % CHANNELS_AT_ONCE === 0) await pause(signal);
    const own = channels.filter((one) => one.channel === channel);
    eachWeight(scan, channel, (t, s, weight) => {
      addTo(signed, t, s, weight / scan.channels);
      addTo(absolute, t, s, Math.abs(weight) / scan.channels);
      for (const { weights } of own) addTo(weights, t, s, weight);
    });
  }
  return { signed, absolute, channels };
}

const squareOf = (tokens: number): number[][] =>
  Array.from({ length: tokens }, () => new Array<number>(tokens).fill(0));

function addTo(weights: number[][], t: number, s: number, weight: number): void {
  const row = weights[t] as number[];
  row[s] = (row[s] as number) + weight;
}

/** Lets others have their turn, so that a signal can come. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal?.throwIfAborted();
}
