/** What the pictures of a run need of its steps: a few numbers of each, and more of the last ones. */

/** A line of the metrics of a run. */
export interface TrainingLine {
  readonly step: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly lr?: number | undefined;
  readonly lambda?: number | undefined;
  readonly tokens?: number | undefined;
  readonly seconds?: number | undefined;
  readonly validationLoss?: number | undefined;
  /** Tokens that chose each expert, for each layer of experts. */
  readonly expertLoad?: readonly (readonly number[])[] | undefined;
  readonly samples?: readonly { readonly prompt: string; readonly text: string }[] | undefined;
}

export interface TrainingPoint extends Omit<TrainingLine, 'expertLoad' | 'samples'> {
  /** The load of the busiest expert over that of all on average: the mean of all layers, and the largest. */
  readonly busiest?: { readonly mean: number; readonly largest: number } | undefined;
}

/** Steps whose loads of experts are added up. */
const LOAD_STEPS = 100;

const MOST_SAMPLES = 50;

export class TrainingHistory {
  readonly points: TrainingPoint[] = [];
  /** Of the last steps. */
  readonly loads: NonNullable<TrainingLine['expertLoad']>[] = [];
  /** The last ones. */
  readonly samples: { readonly step: number; readonly prompt: string; readonly text: string }[] = [];

  add({ expertLoad, samples = [], ...line }: TrainingLine): void {
    this.points.push(expertLoad ? { ...line, busiest: busiestOf(expertLoad) } : line);
    if (expertLoad && this.loads.push(expertLoad) > LOAD_STEPS) this.loads.shift();
    this.samples.push(...samples.map((sample) => ({ step: line.step, ...sample })));
    this.samples.splice(0, this.samples.length - MOST_SAMPLES);
  }
}

function busiestOf(layers: readonly (readonly number[])[]): { mean: number; largest: number } {
  const shares = layers.map((counts) => Math.max(...evened(counts)));
  return { mean: shares.reduce((a, b) => a + b, 0) / shares.length, largest: Math.max(...shares) };
}

/** Counts over their mean. */
export function evened(counts: readonly number[]): number[] {
  const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.map((count) => (mean === 0 ? 0 : count / mean));
}
