/** What a state space model reads and what it passes over: the step sizes of a text. */
import { checkOptions } from '../../options/check.ts';
import type { Subject, SubjectPrompt } from '../subject.ts';
import { type Word, wordsOf } from '../words.ts';
import { idsOf, SCAN_OPTIONS, type ScanOptions, scanSteps, scansOf } from './values.ts';

export interface StepSizes {
  readonly tokens: readonly Word[];
  readonly layers: readonly {
    readonly layer: number;
    /** Mean over channels of dt, for each token: large where the state takes in much and forgets much. */
    readonly mean: readonly number[];
    /** The same over its mean over the text: above 1 a token is read, below 1 it is passed over. */
    readonly relative: readonly number[];
  }[];
  /** Mean over layers of `relative`, for each token. */
  readonly relative: readonly number[];
}

/** Step sizes dt of each token and layer. */
export async function stepSizes(
  subject: Subject,
  prompt: SubjectPrompt,
  options: ScanOptions = {},
): Promise<StepSizes> {
  const { layers, signal, onProgress } = checkOptions('stepSizes', options, SCAN_OPTIONS);
  const scans = scansOf(subject, layers);
  const ids = idsOf(subject, prompt);
  const means = scans.layers.map((): number[] => []);
  for await (const step of scanSteps(subject, ids, scans, ['dt'], signal)) {
    step.layers.forEach(({ tokens, values: { dt } }, k) => {
      for (let t = 0; t < tokens; t++) {
        let sum = 0;
        for (let e = 0; e < scans.channels; e++) sum += dt[t * scans.channels + e] as number;
        means[k]?.push(sum / scans.channels);
      }
    });
    onProgress?.((means[0]?.length ?? 0) * scans.layers.length, ids.length * scans.layers.length);
  }
  const found = scans.layers.map((layer, k) => {
    const mean = means[k] as number[];
    const all = meanOf(mean);
    return { layer, mean, relative: mean.map((one) => one / all) };
  });
  const relative = ids.map((_, t) => meanOf(found.map((one) => one.relative[t] as number)));
  return { tokens: wordsOf(subject, ids), layers: found, relative };
}

const meanOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
