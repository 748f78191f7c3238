/** What rounding to int8 costs the inputs of ternary layers (arXiv 2402.17764, section 2), and which of their channels are outliers. */
import { UsageError } from '../../base/errors.ts';
import { checkOptions } from '../../options/check.ts';
import { call, kinds, type OptionsOf, option } from '../../options/option.ts';
import { type Declared, LAYERS_OPTION, layersWith } from '../layers.ts';
import type { Subject, SubjectPrompt, SubjectStep } from '../subject.ts';

export const ACTIVATION_ERRORS_OPTIONS = {
  layers: LAYERS_OPTION,
  top: option(kinds.fromOne, 'how many outlier channels of each site', 5),
  window: option(kinds.fromOne, "read the text in windows of n tokens (default: all at once, or the model's context)"),
  signal: kinds.signal,
  /** Told how many tokens of how many were read. */
  onProgress: call<(done: number, total: number) => void>(),
};

export interface ActivationErrorsOptions extends OptionsOf<typeof ACTIVATION_ERRORS_OPTIONS> {}

export interface ActivationError {
  /** The site of the numbers before they are rounded. */
  readonly site: string;
  readonly channels: number;
  /** Root mean square of rounded - exact, over that of the exact numbers, over the whole text. */
  readonly relativeRms: number;
  /** The largest of single tokens, and where that is. */
  readonly worst: { readonly relativeRms: number; readonly at: number; readonly id: number; readonly text: string };
  /** Share of numbers that are not 0 and become 0. */
  readonly lost: number;
  /** Median over channels of the largest |x| of each. */
  readonly median: number;
  /** Channels with the largest |x|, that number, and how many times `median` it is. */
  readonly outliers: readonly { readonly channel: number; readonly largest: number; readonly ratio: number }[];
}

export interface ActivationErrors {
  readonly tokens: number;
  readonly sites: readonly ActivationError[];
}

/** Sites whose values are rounded for ternary layers. Throws UsageError when there are none: also before the weights are loaded. */
export function roundedSites(model: Declared, layers?: readonly number[]): string[] {
  const names = new Set(model.sites.map(({ name }) => name));
  const all = [...names].filter((name) => names.has(`${name}Int8`) && names.has(`${name}Scale`));
  if (all.length === 0)
    throw new UsageError(
      "this model has no ternary layers that round their input (no site is called 'blocks.*.…Int8').",
    );
  if (layers === undefined) return all;
  const kind = (all[0] as string).split('.').at(-1) as string;
  const wanted = layersWith(model, kind, layers, 'this model has no ternary layers');
  return all.filter((name) => wanted.some((layer) => name.startsWith(`blocks.${layer}.`)));
}

/** Numbers that captured values may take together. */
const BUDGET_BYTES = 128 << 20;

/** What a token of one site takes at most, in widths of the model: feed-forward parts are up to some four times as wide; f32 and int8. */
const BYTES_PER_WIDTH = 4 * 5;

/** Throws UsageError as roundedSites does, and where there is no text. */
export async function activationErrors(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ActivationErrorsOptions = {},
): Promise<ActivationErrors> {
  const { layers, top, window, signal, onProgress } = checkOptions(
    'activationErrors',
    options,
    ACTIVATION_ERRORS_OPTIONS,
  );
  const sites = roundedSites(subject, layers);
  const total = subject.encode(prompt).length;
  if (total === 0) throw new UsageError('the text is empty; give at least one token.');
  const perToken = sites.length * BYTES_PER_WIDTH * subject.facts.dModel;
  const stepTokens = Math.max(1, Math.min(256, Math.floor(BUDGET_BYTES / perToken)));
  const sums = new Map(sites.map((site) => [site, new SiteSums()]));
  const names = sites.flatMap((site) => [site, `${site}Int8`, `${site}Scale`]);
  for await (const step of subject.captureSteps(prompt, { sites: names, stepTokens, window, signal })) {
    for (const [site, sum] of sums) sum.add(site, step);
    onProgress?.(step.at + step.ids.length - step.first, total);
  }
  const text = (id: number) => subject.tokenizer?.piece(id) ?? '';
  return { tokens: total, sites: sites.map((site) => (sums.get(site) as SiteSums).result(site, top, text)) };
}

class SiteSums {
  #largest = new Float64Array(0);
  #squares = 0;
  #errors = 0;
  #numbers = 0;
  #lost = 0;
  #worst = { relativeRms: -1, at: 0, id: 0 };

  add(site: string, { ids, first, at, values }: SubjectStep): void {
    const x = values.get(site)?.data as Float32Array;
    const q = values.get(`${site}Int8`)?.data as Int8Array;
    const s = values.get(`${site}Scale`)?.data as Float32Array;
    const width = q.length / ids.length; // x may have more axes
    if (this.#largest.length === 0) this.#largest = new Float64Array(width);
    for (let row = first; row < ids.length; row++) {
      let [squares, errors] = [0, 0];
      for (let j = 0; j < width; j++) {
        const exact = x[row * width + j] as number;
        const code = q[row * width + j] as number;
        const error = code / (s[row] as number) - exact;
        squares += exact * exact;
        errors += error * error;
        if (code === 0 && exact !== 0) this.#lost++;
        this.#largest[j] = Math.max(this.#largest[j] as number, Math.abs(exact));
      }
      this.#squares += squares;
      this.#errors += errors;
      this.#numbers += width;
      const relativeRms = squares > 0 ? Math.sqrt(errors / squares) : 0;
      if (relativeRms > this.#worst.relativeRms)
        this.#worst = { relativeRms, at: at + row - first, id: ids[row] as number };
    }
  }

  result(site: string, top: number, text: (id: number) => string): ActivationError {
    const median = medianOf(this.#largest);
    const outliers = Array.from(this.#largest, (largest, channel) => ({
      channel,
      largest,
      ratio: median > 0 ? largest / median : 0,
    }))
      .sort((a, b) => b.largest - a.largest || a.channel - b.channel)
      .slice(0, top);
    return {
      site,
      channels: this.#largest.length,
      relativeRms: this.#squares > 0 ? Math.sqrt(this.#errors / this.#squares) : 0,
      worst: { ...this.#worst, text: text(this.#worst.id) },
      lost: this.#lost / this.#numbers,
      median,
      outliers,
    };
  }
}

/** Of an even count, the mean of the two in the middle. */
function medianOf(numbers: Float64Array): number {
  const sorted = numbers.slice().sort();
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}
