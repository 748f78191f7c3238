/** How long the channels of a state space model remember. */
import { log } from '../../base/math.ts';
import { checkOptions } from '../../options/check.ts';
import { kinds, type OptionsOf, option } from '../../options/option.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { idsOf, SCAN_OPTIONS, scanSteps, scansOf } from './values.ts';

export const MEMORY_SPANS_OPTIONS = {
  ...SCAN_OPTIONS,
  top: option(kinds.fromOne, 'how many of the channels that remember longest', 4),
};

/** Quantiles of a distribution. */
export interface Quantiles {
  readonly least: number;
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
  readonly most: number;
}

export interface MemorySpans {
  readonly tokens: number;
  readonly layers: readonly {
    readonly layer: number;
    /** Half-life in tokens of every channel: that of the state which forgets most slowly. */
    readonly channels: readonly number[];
    /** Of these: least, 10%, 50%, 90%, most. */
    readonly slowest: Quantiles;
    /** Of the half-lives of all states of all channels. */
    readonly states: Quantiles;
    /** The channels that remember longest. */
    readonly longest: readonly { readonly channel: number; readonly halfLife: number; readonly meanStep: number }[];
  }[];
}

/**
 * How long each channel remembers. A state n of channel e keeps exp(a[e, n] dt) of itself at a token; with the mean of dt[e] over the text, half of
 * it is left after ln 2 / (-a[e, n] mean dt[e]) tokens: its half-life.
 */
export async function memorySpans(
  subject: Subject,
  prompt: SubjectPrompt,
  options: OptionsOf<typeof MEMORY_SPANS_OPTIONS> = {},
): Promise<MemorySpans> {
  const { layers, top, signal, onProgress } = checkOptions('memorySpans', options, MEMORY_SPANS_OPTIONS);
  const scans = scansOf(subject, layers);
  const ids = idsOf(subject, prompt);
  const { channels, states } = scans;
  const sums = scans.layers.map(() => new Float64Array(channels));
  for await (const step of scanSteps(subject, ids, scans, ['dt'], signal)) {
    step.layers.forEach(({ values: { dt } }, k) => {
      const sum = sums[k] as Float64Array;
      for (let i = 0; i < dt.length; i++) sum[i % channels] = (sum[i % channels] as number) + (dt[i] as number);
    });
    onProgress?.(step.at * scans.layers.length, ids.length * scans.layers.length);
  }
  const found: MemorySpans['layers'][number][] = [];
  for (const [k, layer] of scans.layers.entries()) {
    const a = await subject.parameter(`blocks.${layer}.a`);
    const meanStep = Array.from(sums[k] as Float64Array, (sum) => sum / ids.length);
    const all = Array.from(a, (rate, i) => LN_2 / (-rate * (meanStep[Math.floor(i / states)] as number)));
    const slowest = meanStep.map((_, e) => Math.max(...all.slice(e * states, (e + 1) * states)));
    const longest = slowest
      .map((halfLife, channel) => ({ channel, halfLife, meanStep: meanStep[channel] as number }))
      .sort((x, y) => y.halfLife - x.halfLife || x.channel - y.channel)
      .slice(0, top);
    found.push({ layer, channels: slowest, slowest: quantiles(slowest), states: quantiles(all), longest });
  }
  return { tokens: ids.length, layers: found };
}

const LN_2 = log(2);

/** The numbers at these shares of a sorted list, the nearest one below. */
function quantiles(numbers: readonly number[]): Quantiles {
  const sorted = Float64Array.from(numbers).sort();
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] as number;
  return { least: at(0), lower: at(0.1), median: at(0.5), upper: at(0.9), most: at(1) };
}
